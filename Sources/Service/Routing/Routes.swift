/// What the service offers.
extension RestorationService {
    static let routes: [Route] = [
        Route(
            .post, "/restore", parameters: RestoreParameters.names, offers: AnswerForm.offers,
            .working { try $0.restore($1) }),
        Route(
            .post, "/classify", parameters: ClassifyParameters.names, offers: ["application/json"],
            .working { try $0.classify($1) }),

        // Health and metrics don't look at the Accept field: a probe must not fail for what it says there.
        Route(.get, "/health", access: .open, .immediate { try $0.health($1) }),
        Route(.get, "/health/live", access: .open, .immediate { try $0.live($1) }),
        Route(.get, "/health/ready", access: .open, .immediate { try $0.health($1) }),
        Route(.get, "/metrics", .immediate { try $0.metricsText($1) }),
        Route(.get, "/capabilities", offers: ["application/json"], .immediate { try $0.capabilities($1) }),
        Route(.get, "/openapi.yaml", offers: ["application/yaml"], .immediate { try $0.description($1) }),

        Route(.get, "/jobs/{id}", offers: ["application/json"], .immediate { try $0.jobStatus($1) }),
        Route(.delete, "/jobs/{id}", .immediate { try $0.deleteJob($1) }),
        Route(.get, "/jobs/{id}/events", offers: ["text/event-stream"], .immediate { try $0.jobEvents($1) }),
        Route(.get, "/jobs/{id}/result", .immediate { try $0.jobResult($1) }),
    ]
}
