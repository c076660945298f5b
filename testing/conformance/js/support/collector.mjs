// A collector of OpenTelemetry: takes in what is exported over OTLP (HTTP with protobuf), and keeps the spans.
import http from "node:http";
import protobuf from "protobufjs";
import { until } from "./deadline.mjs";

// What of opentelemetry/proto/trace/v1 and its envelope is looked at; other fields are passed over.
const SCHEMA = `
syntax = "proto3";
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { repeated Span spans = 2; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9; Status status = 15;
}
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`;
const Request = protobuf.parse(SCHEMA).root.lookupType("ExportTraceServiceRequest");
const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"];

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const values = (attributes) => Object.fromEntries(attributes.map(({ key, value }) => [key, value[value.value]?.toNumber?.() ?? value[value.value]]));

export class Collector {
  spans = [];
  requests = [];
  answer = () => 200;

  static async start() {
    const collector = new Collector();
    collector.server = http.createServer((request, response) => collector.#serve(request, response));
    await new Promise((resolve) => collector.server.listen(0, "127.0.0.1", resolve));
    collector.server.unref();
    collector.url = `http://127.0.0.1:${collector.server.address().port}`;
    return collector;
  }

  async #serve(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    this.requests.push({ method: request.method, url: request.url, headers: request.headers, body });
    const status = await this.answer();
    response.writeHead(status, { "Content-Type": "application/x-protobuf" });
    response.end();
    if (status !== 200) return;
    for (const { resource, scopeSpans } of Request.decode(body).resourceSpans) {
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        this.spans.push({
          name: span.name,
          kind: KINDS[span.kind],
          traceId: hex(span.traceId),
          spanId: hex(span.spanId),
          parentId: hex(span.parentSpanId),
          beginsNs: BigInt(span.startTimeUnixNano.toString()),
          endsNs: BigInt(span.endTimeUnixNano.toString()),
          status: span.status,
          attributes: values(span.attributes),
          resource: values(resource.attributes),
        });
      }
    }
  }

  /** Waits for the first span of this name for which the predicate holds. */
  span(name, predicate = () => true) {
    const found = () => this.spans.find((span) => span.name === name && predicate(span));
    return until(found, () => `the span ${name}; there are ${JSON.stringify(this.spans.map((span) => [span.name, span.traceId, span.attributes]))}`);
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }
}
