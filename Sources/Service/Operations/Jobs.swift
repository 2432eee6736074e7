import HTTPServer
import HTTPTypes

/// `GET /jobs/{id}`: where a job stands.
struct ShowJob: Operation {
    let jobs: any JobStore

    let mediaTypes = ["application/json"]

    func begin(_ request: ServiceRequest) throws -> Reply {
        let id = request.pathIdentifier
        return .question { .json(try await jobs.status(id), fields: [.cacheControl: "no-store"]) }
    }
}

/// `DELETE /jobs/{id}`: cancels it, or removes its result.
struct DeleteJob: Operation {
    let jobs: any JobStore

    func begin(_ request: ServiceRequest) throws -> Reply {
        let id = request.pathIdentifier
        return .question {
            try await jobs.delete(id)
            return Response(status: .noContent)
        }
    }
}

/// `GET /jobs/{id}/result`: what the request would have been answered.
struct ShowJobResult: Operation {
    let jobs: any JobStore

    func begin(_ request: ServiceRequest) throws -> Reply {
        let id = request.pathIdentifier
        return .question { try await jobs.result(id) }
    }
}

/// `GET /jobs/{id}/guidance`: what was drawn to restore with.
struct ShowJobGuidance: Operation {
    let jobs: any JobStore

    let mediaTypes = ["image/png"]

    func begin(_ request: ServiceRequest) throws -> Reply {
        let id = request.pathIdentifier
        return .question { try await jobs.guidance(id) }
    }
}
