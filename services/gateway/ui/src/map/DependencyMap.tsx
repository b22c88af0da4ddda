// Who calls whom, with the role of each in an incident. Role is said by shape and word; certainty of a link by its line.
import type { Edge } from "../api/types";
import { t } from "../i18n";
import { go } from "../state/location";
import { percent } from "../units/format";
import { layout, type Placed, telling } from "./layout";
import "./map.css";

export type Role = "cause" | "hit" | "at_risk" | "odd" | "none";

export interface Standing {
  role: Role;
  /** Chance to be hit, 0 to 1. */
  probability?: number;
}

const size = { node: 122, row: 50, gap: 48 };
const box = { width: 122, height: 34 };

function wire(a: Placed, b: Placed): string {
  const [x1, y1, x2, y2] = [a.x + box.width, a.y + box.height / 2, b.x, b.y + box.height / 2];
  const bend = Math.max(Math.abs(x2 - x1) / 2, 24);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

const marks: Record<Role, string> = {
  cause: "M0 11 6 0l6 11Z",
  hit: "M6 0l6 6-6 6-6-6Z",
  at_risk: "M6 1l5 5-5 5-5-5Z",
  odd: "M0 11 6 0l6 11Z",
  none: "",
};

function words(name: string, standing: Standing): string {
  const chance = standing.probability === undefined ? "" : ` ${percent(standing.probability)}`;
  return standing.role === "none" ? name : `${name}: ${t(`parts.role_${standing.role}`)}${chance}`;
}

function Node({ at, standing, href }: { at: Placed; standing: Standing; href: string }) {
  const title = words(at.name, standing);
  return (
    <g transform={`translate(${at.x} ${at.y})`}>
      <a
        href={href}
        class={`node node-${standing.role}`}
        aria-label={title}
        onClick={(e) => {
          // An SVG link is not an HTML link: the shell's handler does not see it.
          e.preventDefault();
          go(href);
        }}
      >
        <title>{title}</title>
        <rect width={box.width} height={box.height} rx="5" />
        <path d={marks[standing.role]} transform="translate(9 11)" />
        <text x={standing.role === "none" ? 10 : 27} y="22">
          {at.name.length > 14 ? `${at.name.slice(0, 13)}…` : at.name}
        </text>
      </a>
    </g>
  );
}

interface Props {
  names: readonly string[];
  edges: readonly Edge[];
  standing: (name: string) => Standing;
  href: (name: string) => string;
}

/** Smaller than this, as a share of its natural size, the names on a map cannot be read: it scrolls instead. */
const smallest = 0.72;

export function DependencyMap({ names, edges: all, standing, href }: Props) {
  const edges = telling(all);
  const links = edges.map((e) => ({ from: e.caller, to: e.callee }));
  const placed = layout(names, links, size);
  const at = new Map(placed.nodes.map((n) => [n.name, n]));
  return (
    <div class="map scroll">
      <svg
        viewBox={`-4 -4 ${placed.width + 8} ${placed.height + 8}`}
        width={placed.width + 8}
        height={placed.height + 8}
        style={{ minWidth: `${(placed.width + 8) * smallest}px` }}
        role="group"
        aria-label={t("parts.map", { n: names.length, links: edges.length })}
      >
        {edges.map((e) => {
          const [a, b] = [at.get(e.caller), at.get(e.callee)];
          if (!a || !b) return null;
          const sick = standing(e.callee).role !== "none" && standing(e.caller).role !== "none";
          return (
            <path
              key={`${e.caller} ${e.callee}`}
              class={`wire wire-${e.source}${sick ? " wire-sick" : ""}`}
              d={wire(a, b)}
            />
          );
        })}
        {placed.nodes.map((n) => (
          <Node key={n.name} at={n} standing={standing(n.name)} href={href(n.name)} />
        ))}
      </svg>
      <p class="soft map-key">{t("parts.map_key")}</p>
    </div>
  );
}
