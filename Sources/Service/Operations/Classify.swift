import Checkpoints
package import Engine
import HTTPServer
import HTTPTypes
import Scheduling

/// `POST /classify`.
struct Classify: Operation {
    let engines: EngineAccess
    let work: ClassificationWork

    let parameters = ClassifyParameters.names
    let mediaTypes = ["application/json"]

    func begin(_ request: ServiceRequest) throws -> Reply {
        let library = try engines.forWork()
        let reader = try work.intake.reader(for: request)
        let choice = BundleChoice(library: library)
        // What is wrong already needn't wait for the body.
        if let recipe = try choice.recipe(before: reader, request.parameters) {
            let name = try library.status(of: request.parameters[BundleChoice.parameter]).name
            _ = try ClassifyParameters(request.parameters, recipe: recipe, bundle: name)
        }
        return .afterBody { body in
            let reservation = work.memory.reservation()
            let upload = try await reader.read(body, parameters: request.parameters, reservation: reservation)
            return try await work.answer(
                upload, choice, reservation: reservation, deadline: work.now() + .seconds(work.timeoutLimit))
        }
    }
}

/// The work behind `/classify`: what becomes of a picture's file, whoever brings it.
struct ClassificationWork: Sendable {
    let intake: PictureIntake
    let memory: MemoryBudget
    let metrics: Metrics
    /// The longest time for a request, in seconds.
    let timeoutLimit: Int
    let now: @Sendable () -> ContinuousClock.Instant

    /// - Parameter reservation: holds the upload, then the work, and in the end the answer.
    func answer(
        _ upload: UploadReader.Upload, _ choice: BundleChoice, reservation: MemoryBudget.Reservation,
        deadline: ContinuousClock.Instant
    ) async throws -> Response {
        let bundle = try await choice.chosen(by: upload.parameters, deadline: deadline)
        let parameters = try ClassifyParameters(upload.parameters, recipe: bundle.recipe, bundle: bundle.name)
        let engine = try await bundle.engine(by: deadline)
        let (width, height) = (upload.header.width, upload.header.height)
        let (source, booking) = try intake.picture(
            upload, workBytes: PictureMemory.classificationBytes(width: width, height: height), reservation: reservation,
            deadline: deadline)
        do {
            let result = try await engine.classify(source, labels: parameters.labels, deadline: deadline, memory: booking)
            metrics.stage("decode", took: result.timing.decode)
            metrics.classificationEnded("classified", of: bundle.name)
            let document = ClassificationDocument(
                result.classification, bundle: engine.bundle.identifier, width: width, height: height)
            let timing = ServerTiming([
                ("decode", result.timing.decode), ("classify", result.timing["classify"]),
            ])
            return Response.json(
                document, fields: [.cacheControl: "no-store", .serverTiming: timing.fieldText]
            ).holding(reservation)
        } catch {
            metrics.classificationFailed(error, of: bundle.name)
            throw error
        }
    }
}

/// The parameters of `/classify`, checked.
struct ClassifyParameters: Sendable {
    static let names = ParameterNames(offered: ["labels", BundleChoice.parameter])

    /// Labels of the client's own; nil for the bundle's.
    var labels: [String]?

    /// - Parameters:
    ///   - recipe: knows what the bundle offers.
    ///   - bundle: its name.
    init(_ list: ParameterList, recipe: RecipeDescription, bundle: String) throws {
        guard recipe.classifies else { throw RestorationError.notOffered("classification", bundle: bundle) }
        labels = try list.list("labels", of: "labels")
        guard let labels else { return }
        guard recipe.takesOwnLabels else { throw RestorationError.needsTextTower(bundle: bundle) }
        guard labels.count <= WordLimits.chosenAmong else {
            throw ServiceFault.invalidParameter(
                name: "labels", value: "\(labels.count) labels", expected: "at most \(WordLimits.chosenAmong) labels")
        }
        if let label = labels.first(where: { $0.utf8.count > WordLimits.bytes }) {
            throw ServiceFault.invalidParameter(
                name: "labels", value: label, expected: "labels of at most \(WordLimits.bytes) bytes")
        }
    }
}

/// What `/classify` answers, and `restored classify --json` prints. The members are named as they are in it.
package struct ClassificationDocument: Encodable, Sendable {
    package struct Entry: Encodable, Sendable {
        let label: String
        let probability: Double
        /// The bundle's label that is closest; only where the labels are the request's own.
        let nearest_label: String?
    }

    let degradation: String
    let confidence: Double
    let nearest_label: String?
    let probabilities: [Entry]
    let bundle: String
    let width: Int
    let height: Int
    /// On the command line only.
    let file: String?

    package init(_ classification: Classification, bundle: String, width: Int, height: Int, file: String? = nil) {
        degradation = classification.best.label
        confidence = classification.best.probability
        nearest_label = classification.best.nearest
        probabilities = classification.entries.map {
            Entry(label: $0.label, probability: $0.probability, nearest_label: $0.nearest)
        }
        self.bundle = bundle
        self.width = width
        self.height = height
        self.file = file
    }

    /// One line of JSON.
    package var line: String { JSON.line(self) }
}
