import Engine
import HTTPServer
import HTTPTypes

/// Health, metrics and what the service says about itself. All of it comes out of memory and waits for nothing.
extension RestorationService {
    /// 200 where new work is taken.
    func health(_ exchange: Exchange) throws -> Response {
        switch phase {
        case .serving: Self.small(.ok, #"{"status":"ready"}"#)
        case .loading: Self.small(.serviceUnavailable, #"{"status":"loading"}"#, retryAfter: "2")
        case .draining, .ended: Self.small(.serviceUnavailable, #"{"status":"draining"}"#, retryAfter: "5")
        }
    }

    /// 200 as long as the process answers and no evaluation hangs.
    func live(_ exchange: Exchange) throws -> Response {
        let longest = engine?.load.longestEvaluationUnderWay ?? 0
        return longest <= Double(configuration.hangLimit)
            ? Self.small(.ok, #"{"status":"live"}"#)
            : Self.small(.serviceUnavailable, #"{"status":"hanging"}"#, retryAfter: "5")
    }

    private static func small(_ status: HTTPResponse.Status, _ text: String, retryAfter: String? = nil) -> Response {
        var fields: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        fields[.retryAfter] = retryAfter
        return Response(status: status, fields: fields, body: .bytes(Array(text.utf8)))
    }

    /// The description of this API, built into the program.
    func description(_ exchange: Exchange) throws -> Response {
        Response(
            status: .ok, fields: [.contentType: "application/yaml"], body: .bytes(PackageResources.openapi_yaml))
    }

    func metricsText(_ exchange: Exchange) throws -> Response {
        Response(
            status: .ok, fields: [.contentType: PrometheusText.mediaType, .cacheControl: "no-store"],
            body: .bytes(Array(metricsPage().utf8)))
    }

    private func metricsPage() -> String {
        let counts = metrics.snapshot
        var page = PrometheusText()
        page.family("restored_http_requests_total", .counter, "Requests by route pattern, method and status.")
        for (key, count) in counts.requests.sorted(by: { $0.key < $1.key }) {
            page.sample(
                "restored_http_requests_total",
                [("route", key.route), ("method", key.method), ("status", String(key.status))], count)
        }
        page.family("restored_http_request_duration_seconds", .histogram, "Time until the answer was known.")
        for (route, histogram) in counts.durations.sorted(by: { $0.key < $1.key }) {
            page.histogram("restored_http_request_duration_seconds", [("route", route)], histogram)
        }
        page.family("restored_http_requests_in_flight", .gauge, "Requests without an answer yet.")
        page.sample("restored_http_requests_in_flight", counts.inFlight)
        page.family("restored_http_received_bytes_total", .counter, "Bytes of request bodies.")
        page.sample("restored_http_received_bytes_total", counts.bytesIn)
        page.family("restored_http_sent_bytes_total", .counter, "Bytes of answers' bodies.")
        page.sample("restored_http_sent_bytes_total", counts.bytesOut)
        page.family("restored_http_connections", .gauge, "Connections that are open.")
        page.sample("restored_http_connections", counts.connections)
        page.family("restored_http_refused_connections_total", .counter, "Connections over a limit.")
        page.sample("restored_http_refused_connections_total", counts.refusedConnections)
        addWork(to: &page, counts)
        return page.text
    }

    private func addWork(to page: inout PrometheusText, _ counts: Metrics.State) {
        page.family("restored_restorations_total", .counter, "Restorations by outcome.")
        for (outcome, count) in counts.restorations.sorted(by: { $0.key < $1.key }) {
            page.sample("restored_restorations_total", [("outcome", outcome)], count)
        }
        page.family("restored_classifications_total", .counter, "Classifications by outcome.")
        for (outcome, count) in counts.classifications.sorted(by: { $0.key < $1.key }) {
            page.sample("restored_classifications_total", [("outcome", outcome)], count)
        }
        page.family("restored_stage_duration_seconds", .histogram, "Time that each stage of the work took.")
        for (stage, histogram) in counts.stages.sorted(by: { $0.key < $1.key }) {
            page.histogram("restored_stage_duration_seconds", [("stage", stage)], histogram)
        }
        if let load = engine?.load {
            page.family("restored_queue_depth", .gauge, "Restorations that wait.")
            page.sample("restored_queue_depth", load.queued)
            page.family("restored_running", .gauge, "Restorations that run.")
            page.sample("restored_running", load.running)
            addEvaluations(to: &page, load)
        }
        page.family("restored_request_memory_bytes", .gauge, "Bytes that bodies and pictures hold.")
        page.sample("restored_request_memory_bytes", memory.used)
        page.family("restored_request_memory_limit_bytes", .gauge, "Bytes that bodies and pictures may hold.")
        page.sample("restored_request_memory_limit_bytes", memory.limit)
        page.family("restored_jobs", .gauge, "Jobs by state.")
        let jobCounts = jobs.counts
        for state in JobStatus.State.allCases {
            page.sample("restored_jobs", [("state", state.rawValue)], jobCounts[state] ?? 0)
        }
        page.family("restored_job_result_bytes", .gauge, "Bytes of results kept for clients.")
        page.sample("restored_job_result_bytes", jobs.resultBytes)
        page.family("restored_event_streams", .gauge, "Event streams that are open.")
        page.sample("restored_event_streams", streams.count)
    }

    private func addEvaluations(to page: inout PrometheusText, _ load: EngineLoad) {
        page.family("restored_batch_size", .histogram, "Samples that shared a network evaluation.")
        page.histogram("restored_batch_size", [], load.batchSizes)
        page.family("restored_step_duration_seconds", .histogram, "Time of each network evaluation.")
        page.histogram("restored_step_duration_seconds", [], load.stepSeconds)
        page.family(
            "restored_longest_evaluation_seconds", .gauge, "How long the oldest evaluation under way has run.")
        page.sample("restored_longest_evaluation_seconds", load.longestEvaluationUnderWay ?? 0)
        page.family("restored_samples_in_flight", .gauge, "Tiles, pictures and labels that are begun and not done.")
        page.sample("restored_samples_in_flight", load.samplesInFlight)
        page.family("restored_memory_budget_used_bytes", .gauge, "Bytes that restorations hold beyond the weights.")
        page.sample("restored_memory_budget_used_bytes", load.memoryUsed)
        page.family("restored_memory_budget_bytes", .gauge, "Bytes that restorations may hold beyond the weights.")
        page.sample("restored_memory_budget_bytes", load.memoryBudget)
    }
}
