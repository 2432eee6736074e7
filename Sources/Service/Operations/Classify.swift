import Checkpoints
package import Engine
import HTTPServer
import HTTPTypes
import Scheduling

/// `POST /classify`.
struct Classify: Operation {
    let engines: EngineAccess
    let intake: PictureIntake
    let memory: MemoryBudget
    let metrics: Metrics
    /// The longest time for a request, in seconds.
    let timeoutLimit: Int

    let parameters = ClassifyParameters.names
    let mediaTypes = ["application/json"]

    func begin(_ request: ServiceRequest) throws -> Reply {
        let engine = try engines.forWork()
        let reader = try intake.reader(for: request)
        // What is wrong already needn't wait for the body.
        _ = try ClassifyParameters(request.parameters, engine: engine)
        return .afterBody { body in
            let reservation = memory.reservation()
            let upload = try await reader.read(body, parameters: request.parameters, reservation: reservation)
            let parameters = try ClassifyParameters(upload.parameters, engine: engine)
            let deadline = request.start + .seconds(timeoutLimit)
            let (width, height) = (upload.header.width, upload.header.height)
            let (source, booking) = try intake.picture(
                upload, workBytes: PictureMemory.bytesPerPixel * width * height, reservation: reservation,
                deadline: deadline)
            do {
                let result = try await engine.classify(
                    source, labels: parameters.labels, deadline: deadline, memory: booking)
                metrics.stage("decode", took: result.timing.decode)
                metrics.classificationEnded("classified")
                let document = ClassificationDocument(
                    result.classification, bundle: engine.bundle.identifier, width: width, height: height)
                let timing = ServerTiming([
                    ("decode", result.timing.decode), ("classify", result.timing["classify"]),
                ])
                return Response.json(
                    document, fields: [.cacheControl: "no-store", .serverTiming: timing.fieldText]
                ).holding(reservation)
            } catch {
                metrics.classificationFailed(error)
                throw error
            }
        }
    }
}

/// The parameters of `/classify`, checked.
struct ClassifyParameters: Sendable {
    static let names = ParameterNames(offered: ["labels"])
    static let labelCountLimit = 64
    static let labelLimit = 200

    /// Labels of the client's own; nil for the bundle's.
    var labels: [String]?

    init(_ list: ParameterList, engine: any RestorationEngine) throws {
        labels = try list.list("labels", of: "labels")
        guard let labels else { return }
        guard engine.recipe.takesOwnLabels else { throw RestorationError.needsTextTower(bundle: engine.bundle.name) }
        guard labels.count <= Self.labelCountLimit else {
            throw ServiceFault.invalidParameter(
                name: "labels", value: "\(labels.count) labels", expected: "at most \(Self.labelCountLimit) labels")
        }
        if let label = labels.first(where: { $0.utf8.count > Self.labelLimit }) {
            throw ServiceFault.invalidParameter(
                name: "labels", value: label, expected: "labels of at most \(Self.labelLimit) bytes")
        }
    }
}

/// What `/classify` answers, and `restored classify --json` prints.
package struct ClassificationDocument: Encodable, Sendable {
    package struct Entry: Encodable, Sendable {
        let label: String
        let probability: Double
    }

    let degradation: String
    let confidence: Double
    let probabilities: [Entry]
    let bundle: String
    let width: Int
    let height: Int
    /// On the command line only.
    let file: String?

    package init(_ classification: Classification, bundle: String, width: Int, height: Int, file: String? = nil) {
        degradation = classification.best.label
        confidence = classification.best.probability
        probabilities = classification.entries.map { Entry(label: $0.label, probability: $0.probability) }
        self.bundle = bundle
        self.width = width
        self.height = height
        self.file = file
    }

    /// One line of JSON.
    package var line: String { JSON.line(self) }
}
