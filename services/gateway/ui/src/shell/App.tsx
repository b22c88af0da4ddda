// The frame around every page: navigation, title, time, state of the live line; pages, palette and login are loaded when wanted.
import { effect, useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { get, me, signedOut } from "../api/http";
import type { Me } from "../api/types";
import { need, switchWords, t } from "../i18n";
import { one, place } from "../state/location";
import { lang } from "../state/prefs";
import { placeOf } from "./places";
import { Rail } from "./Rail";
import { TopBar } from "./TopBar";

export const paletteOpen = { current: (): void => {} };

interface LoadedProps<P> {
  name: string;
  load: () => Promise<{ default: ComponentType<P> }>;
  props: P;
}

function Loaded<P extends object>({ name, load, props }: LoadedProps<P>) {
  const page = useSignal<{ name: string; Page: ComponentType<P> } | null>(null);
  const failed = useSignal(false);
  // Runs again only for what is listed: a page is known by its name
  useEffect(() => {
    failed.value = false;
    load().then(
      (module) => {
        page.value = { name, Page: module.default };
      },
      (error: unknown) => {
        console.error(error);
        failed.value = true;
      },
    );
  }, [name]);
  if (failed.value) {
    return (
      <div class="note" role="alert">
        <h2>{t("shell.page_failed")}</h2>
        <p>{t("shell.page_failed_why")}</p>
        <button type="button" class="btn" onClick={() => location.reload()}>
          {t("shell.reload")}
        </button>
      </div>
    );
  }
  if (page.value?.name !== name) return null;
  const { Page } = page.value;
  return <Page {...props} />;
}

function Inside() {
  const palette = useSignal(false);
  paletteOpen.current = () => {
    palette.value = true;
  };
  useEffect(() => {
    // What is not needed for the first picture comes after it: keys, and the number of open episodes.
    const stops = [
      import("./shortcuts").then((m) => m.listen(() => paletteOpen.current())),
      import("./badgeFeed").then((m) => m.feedBadge()),
    ];
    return () => void Promise.all(stops).then((all) => all.map((stop) => stop()));
  }, []);
  const at = placeOf(place.value.path);
  return (
    <div class={one("kiosk") === "1" ? "frame kiosk" : "frame"}>
      <a class="skip" href="#main">
        {t("shell.skip")}
      </a>
      <Rail here={at} />
      <div>
        <TopBar here={at} />
        <main id="main" tabIndex={-1}>
          {at ? <Loaded name={at.name} load={at.load} props={{}} /> : <Lost />}
        </main>
      </div>
      {palette.value && (
        <Loaded name="palette" load={() => import("./Palette")} props={{ close: () => (palette.value = false) }} />
      )}
    </div>
  );
}

function Lost() {
  return (
    <div class="note">
      <h2>{t("shell.no_page")}</h2>
      <a class="btn" href="/">
        {t("shell.to_overview")}
      </a>
    </div>
  );
}

export function App() {
  const state = useSignal<"asking" | "in" | "out">("asking");
  const shared = place.value.path.startsWith("/shared/");
  const ask = async (): Promise<void> => {
    if (shared) return;
    const [answer] = await Promise.all([get<Me>("/me").catch(() => null), need("shell")]);
    me.value = answer;
    signedOut.value = false;
    state.value = answer ? "in" : "out";
  };
  // Runs again only for what is listed: asked once, when the client starts
  useEffect(() => void ask(), []);
  useSignalEffect(() => {
    if (signedOut.value) state.value = "out";
  });
  useEffect(() => effect(() => void (lang.value && switchWords())), []);
  if (shared) {
    return (
      <Loaded
        name="shared"
        load={async () =>
          (await Promise.all([import("../pages/shared/Shared"), need("shell", "parts", "dashboards")]))[0]
        }
        props={{}}
      />
    );
  }
  if (state.value === "asking") return null;
  if (state.value === "out") {
    return (
      <Loaded
        name="login"
        load={async () => (await Promise.all([import("./Login"), need("shell", "login")]))[0]}
        props={{ done: ask }}
      />
    );
  }
  return <Inside />;
}
