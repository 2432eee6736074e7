import HTTPServer
import HTTPTypes

/// `GET /jobs/{id}`: where a job stands.
struct ShowJob: Operation {
    let jobs: JobStore

    let mediaTypes = ["application/json"]

    func begin(_ request: ServiceRequest) throws -> Reply {
        .immediate(.json(try jobs.status(request.pathIdentifier), fields: [.cacheControl: "no-store"]))
    }
}

/// `DELETE /jobs/{id}`: cancels it, or removes its result.
struct DeleteJob: Operation {
    let jobs: JobStore

    func begin(_ request: ServiceRequest) throws -> Reply {
        try jobs.delete(request.pathIdentifier)
        return .immediate(Response(status: .noContent))
    }
}

/// `GET /jobs/{id}/result`: what the request would have been answered.
struct ShowJobResult: Operation {
    let jobs: JobStore

    func begin(_ request: ServiceRequest) throws -> Reply {
        .immediate(try jobs.result(request.pathIdentifier))
    }
}
