import Engine
import HTTPServer
import HTTPTypes
import HTTPWire

/// `POST /restore`.
struct Restore: Operation {
    let engines: EngineAccess
    let work: RestorationWork
    let jobs: any JobStarter

    let parameters = RestoreParameters.names
    let mediaTypes = AnswerForm.offers

    func begin(_ request: ServiceRequest) throws -> Reply {
        let library = try engines.forWork()
        let reader = try work.intake.reader(for: request, takesReference: true)
        let choice = BundleChoice(library: library)
        // What is wrong already needn't wait for the body.
        if let recipe = try choice.recipe(before: reader, request.parameters) {
            _ = try RestoreParameters(request.parameters, recipe: recipe, timeoutLimit: work.timeoutLimit)
        }
        return .afterBody { body in
            let reservation = work.memory.reservation()
            let upload = try await reader.read(body, parameters: request.parameters, reservation: reservation)
            // Its time runs from here on, not from the request's head: a slow upload has limits of its own.
            let wish = try await work.wish(
                of: upload, accept: request.fields[.accept], choice, reservation: reservation)
            if PreferField(request.fields[.prefer]).respondsAsynchronously {
                let status = try await jobs.start(wish, requestID: request.id, load: { library.load })
                return .accepted(status)
            }
            let restoration = try await work.prepared(wish) {}
            return try await work.perform(restoration) { _ in }.answer.holding(restoration.memory.reservation)
        }
    }
}

extension Response {
    /// 202: what was asked for has become a job.
    static func accepted(_ status: JobStatus) -> Response {
        .json(
            status, status: .accepted,
            fields: [
                .location: "/jobs/\(status.id)", .preferenceApplied: "respond-async", .cacheControl: "no-store",
            ])
    }
}
