import Engine
import HTTPServer
import HTTPTypes
import Scheduling

/// `GET /metrics`. Comes out of memory and waits for nothing.
struct MetricsPage: Operation {
    let engines: EngineAccess
    let metrics: Metrics
    let memory: MemoryBudget
    let jobs: any JobStore
    let streams: StreamLimit

    func begin(_ request: ServiceRequest) -> Reply {
        .immediate(
            Response(
                status: .ok, fields: [.contentType: PrometheusText.mediaType, .cacheControl: "no-store"],
                body: .bytes(Array(text.utf8))))
    }

    private var text: String {
        let counts = metrics.snapshot
        var page = PrometheusText()
        addRequests(to: &page, counts)
        page.counters("restored_restorations_total", "Restorations by outcome and bundle.", by: "outcome", counts.restorations)
        page.counters(
            "restored_classifications_total", "Classifications by outcome and bundle.", by: "outcome", counts.classifications)
        page.counters(
            "restored_nonfinite_total", "Pictures whose numbers stopped being finite, by stage and bundle.", by: "stage",
            counts.nonFinite)
        page.histograms(
            "restored_stage_duration_seconds", "Time that each stage of the work took.", by: "stage", counts.stages)
        if let library = engines.forQuestions {
            addLoad(to: &page, library.load)
            addBundles(to: &page, library)
        }
        page.gauge("restored_request_memory_bytes", "Bytes that bodies and pictures hold.", memory.used)
        page.gauge("restored_request_memory_limit_bytes", "Bytes that bodies and pictures may hold.", memory.limit)
        let figures = jobs.figures
        page.family(
            "restored_jobs", .gauge, "Jobs by state.",
            JobStatus.State.allCases.map { state in ([("state", state.rawValue)], figures.counts[state] ?? 0) })
        page.gauge("restored_job_result_bytes", "Bytes of results kept for clients or still read by them.", figures.resultBytes)
        addStore(to: &page, figures)
        page.gauge("restored_event_streams", "Event streams that are open.", streams.count)
        return page.text
    }

    /// What is zero where jobs are in this process's memory.
    private func addStore(to page: inout PrometheusText, _ figures: JobFigures) {
        page.gauge(
            "restored_job_store_up", "Whether the job store answers; 1 where jobs are in memory.",
            figures.isStoreAvailable ? 1 : 0)
        page.gauge("restored_job_store_lag", "Jobs of the shared store that no replica has taken yet.", figures.lag)
        page.gauge(
            "restored_job_upload_bytes", "Bytes of pictures in the shared store whose jobs have not ended.",
            figures.uploadBytes)
        page.counter("restored_job_claims_total", "Jobs of the shared store that this replica began.", figures.claims)
        page.counter(
            "restored_job_retries_total", "Jobs among them that had been begun before.", figures.retries)
        page.counter(
            "restored_job_claims_lost_total", "Jobs among them that were cancelled, or went to another replica.", figures.lost)
        page.counter(
            "restored_job_store_errors_total", "Commands that the shared store failed or refused.", figures.storeErrors)
    }

    private func addBundles(to page: inout PrometheusText, _ library: BundleLibrary) {
        let (statuses, weights) = (library.statuses, library.weights)
        func add(_ name: String, _ kind: PrometheusText.Kind, _ help: String, _ value: (BundleStatus) -> Int) {
            page.family(name, kind, help, statuses.map { ([("bundle", $0.name)], value($0)) })
        }
        page.family(
            "restored_bundles", .gauge, "Bundles by state.",
            BundleStatus.State.allCases.map { state in ([("state", state.rawValue)], statuses.count { $0.state == state }) })
        add("restored_bundle_loaded", .gauge, "Whether a bundle's weights are in memory.") { $0.state == .loaded ? 1 : 0 }
        add("restored_bundle_weight_bytes", .gauge, "Bytes that a bundle's weights hold.") {
            $0.state == .loaded ? $0.weightBytes : 0
        }
        add("restored_bundle_loads_total", .counter, "How often a bundle was loaded.", \.loads)
        add("restored_bundle_load_failures_total", .counter, "How often a bundle could not be read or loaded.", \.failures)
        add(
            "restored_bundle_evictions_total", .counter, "How often a bundle was let go to make room for another.",
            \.evictions)
        page.gauge("restored_weights_memory_used_bytes", "Bytes that the weights of all bundles hold.", weights.usedBytes)
        page.gauge("restored_bundle_waiting", "Requests that wait for a bundle to be loaded.", weights.waiting)
        page.gauge("restored_weights_memory_bytes", "Bytes that the weights of all bundles may hold.", weights.limit)
    }

    private func addRequests(to page: inout PrometheusText, _ counts: Metrics.State) {
        page.family(
            "restored_http_requests_total", .counter, "Requests by route pattern, method and status.",
            counts.requests.sorted { $0.key < $1.key }.map { key, count in
                ([("route", key.route), ("method", key.method), ("status", String(key.status))], count)
            })
        page.histograms(
            "restored_http_request_duration_seconds", "Time until the answer was known.", by: "route", counts.durations)
        page.gauge("restored_http_requests_in_flight", "Requests without an answer yet.", counts.inFlight)
        page.counter("restored_http_received_bytes_total", "Bytes of request bodies.", counts.bytesIn)
        page.counter("restored_http_sent_bytes_total", "Bytes of answers' bodies.", counts.bytesOut)
        page.gauge("restored_http_connections", "Connections that are open.", counts.connections)
        page.counter(
            "restored_http_refused_connections_total", "Connections over a limit.", counts.refusedConnections)
    }

    private func addLoad(to page: inout PrometheusText, _ load: EngineLoad) {
        page.gauge("restored_queue_depth", "Restorations that wait.", load.queued)
        page.gauge("restored_running", "Restorations that run.", load.running)
        page.histogram("restored_batch_size", "Samples that shared a network evaluation.", load.batchSizes)
        page.histogram("restored_step_duration_seconds", "Time of each network evaluation.", load.stepSeconds)
        page.gauge(
            "restored_longest_evaluation_seconds", "How long the oldest evaluation under way has run.",
            load.longestEvaluationUnderWay ?? 0)
        page.gauge(
            "restored_samples_in_flight", "Tiles, pictures and labels that are begun and not done.",
            load.samplesInFlight)
        page.gauge(
            "restored_memory_budget_used_bytes", "Bytes that restorations hold beyond the weights.", load.memoryUsed)
        page.gauge(
            "restored_memory_budget_bytes", "Bytes that restorations may hold beyond the weights.", load.memoryBudget)
    }
}
