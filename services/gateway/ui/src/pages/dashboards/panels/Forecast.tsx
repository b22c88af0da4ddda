// The forecast fan of the first series that the query finds.
import { Ready } from "../../../parts/Notes";
import { Fan } from "../../forecast/Fan";
import type { PanelProps } from "../registry";
import { useSeries } from "../useSeries";
import { NoSeries } from "./NoSeries";
import "../../forecast/forecast.css";

/** Room for name, readout and the sentence below. */
const beside = 116;

export default function Forecast({ query, height }: PanelProps) {
  const found = useSeries({ ...query, limit: 1 });
  if (!found.data && !found.loading && !found.error) return <NoSeries />;
  return (
    <Ready of={found}>
      {(page) => {
        const id = page.items[0]?.id;
        return id ? <Fan id={id} height={Math.max(height - beside, 90)} /> : <NoSeries asked />;
      }}
    </Ready>
  );
}
