// Lines to copy, one set a protocol. Pure: the addresses come from the gateway.
import type { Connect } from "../../api/types";

export interface Snippet {
  id: string;
  name: string;
  language: "sh" | "yaml" | "toml" | "python";
  text: string;
}

const sample = `{"metric": "my_first_metric", "value": 42, "labels": {"service": "demo"}}`;

export function snippets(at: Connect, key: string): Snippet[] {
  const base = at.base_url.replace(/\/$/, "");
  const secret = key || "YOUR_KEY";
  return [
    {
      id: "curl",
      name: "curl",
      language: "sh",
      text: `curl -X POST ${base}/api/v1/metrics \\\n  -H 'Authorization: Bearer ${secret}' \\\n  -H 'Content-Type: application/json' \\\n  -d '${sample}'`,
    },
    {
      id: "kafka",
      name: "Kafka",
      language: "python",
      text: `# pip install confluent-kafka\nimport json, time\nfrom confluent_kafka import Producer\n\nproducer = Producer({"bootstrap.servers": "${at.kafka}"})\nproducer.produce("${at.topics["metrics"] ?? "kizashi.metrics.v1"}", json.dumps(\n    {"metric": "my_first_metric", "value": 42,\n     "ts": time.time(), "labels": {"service": "demo"}}))\nproducer.flush()`,
    },
    {
      id: "send",
      name: "kizashi send",
      language: "sh",
      text: `echo '${sample}' | kizashi send -\n\n# a file of timestamp,value, at its own speed times 60\nkizashi send cpu.csv --speed 60`,
    },
    {
      id: "otlp",
      name: "OpenTelemetry",
      language: "yaml",
      text: `exporters:\n  otlphttp/kizashi:\n    endpoint: ${base}\n    headers:\n      Authorization: Bearer ${secret}\n\nservice:\n  pipelines:\n    metrics:\n      exporters: [otlphttp/kizashi]`,
    },
    {
      id: "prometheus",
      name: "Prometheus",
      language: "yaml",
      text: `remote_write:\n  - url: ${base}/api/v1/write\n    authorization:\n      credentials: ${secret}`,
    },
    {
      id: "telegraf",
      name: "Telegraf",
      language: "toml",
      text: `[[outputs.influxdb_v2]]\n  urls = ["${base}"]\n  token = "${secret}"\n  organization = "kizashi"\n  bucket = "kizashi"`,
    },
  ];
}
