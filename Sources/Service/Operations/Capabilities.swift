import Engine
import HTTPServer
import HTTPTypes
import Images
import Settings

/// `GET /capabilities`: what a client or an operator may want to know before the first picture.
struct Capabilities: Operation {
    let engines: EngineAccess
    let configuration: Configuration
    /// Where a front end finds what its workers have; nil for any other.
    let board: BundleBoard?

    let mediaTypes = ["application/json"]

    func begin(_ request: ServiceRequest) -> Reply {
        let bundles = board?.bundles ?? engines.forQuestions?.statuses.map { BundleCapabilities($0) } ?? []
        return .immediate(.json(CapabilitiesDocument(bundles, configuration: configuration)))
    }
}

/// `GET /openapi.yaml`: the description of this API, built into the program.
struct Description: Operation {
    let mediaTypes = ["application/yaml"]

    func begin(_ request: ServiceRequest) -> Reply {
        .immediate(
            Response(
                status: .ok, fields: [.contentType: "application/yaml"], body: .bytes(PackageResources.openapi_yaml)))
    }
}

/// `GET /openapi.json`: the same in JSON, made of it.
struct DescriptionInJSON: Operation {
    let mediaTypes = ["application/json"]

    private static let document = Result {
        Array(try YAMLReader.read(String(decoding: PackageResources.openapi_yaml, as: UTF8.self)).json.utf8)
    }

    func begin(_ request: ServiceRequest) throws -> Reply {
        let document = try Self.document.get()
        return .immediate(Response(status: .ok, fields: [.contentType: "application/json"], body: .bytes(document)))
    }
}

/// The document's members are named as they are in it.
private struct CapabilitiesDocument: Encodable {
    struct Limit: Encodable {
        let value: Int
        let unit: String
        /// As a flag takes it and people write it.
        let text: String

        init(_ value: Int, _ unit: Setting.Unit) {
            self.value = value
            self.unit = unit.rawValue
            text = Quantity.text(value, in: unit)
        }
    }

    let version = ServiceVersion.current
    let bundles: [BundleCapabilities]
    /// Those of the default bundle.
    let samplers: [BundleCapabilities.Sampler]
    let parameters: [String: [String]]
    let formats: [String]
    let limits: [String: Limit]

    init(_ bundles: [BundleCapabilities], configuration: Configuration) {
        self.bundles = bundles
        samplers = bundles.first?.samplers ?? []
        parameters = [
            "restore": RestoreParameters.names.offered, "classify": ClassifyParameters.names.offered,
        ]
        formats = ImageFormat.allCases.map(\.mediaType)
        var limits: [String: Limit] = [:]
        for setting in Setting.all where setting.isPublished {
            guard let (value, unit) = setting.quantity(in: configuration) else { continue }
            limits[setting.name] = Limit(value, unit)
        }
        limits["smallest-side"] = Limit(Configuration.smallestSide, .pixels)
        self.limits = limits
    }
}

/// What a bundle can do. The members are named as they are in the document.
struct BundleCapabilities: Codable, Sendable {
    let name: String
    let state: String
    let `default`: Bool
    /// Why it is broken.
    let problem: String?
    let weight_bytes: Int
    // Absent where its bundle.json can't be read.
    let version: String?
    let licence: String?
    let training_data_terms: String?
    let sha256: [String: String]?
    // Absent until it is loaded where only its networks can tell.
    let labels: [String]?
    let classifier: Bool?
    let text_tower: Bool?
    let precisions: [String: String]?
    let samplers: [Sampler]?
    let default_sampler: String?
    let default_steps: Int?
    let modes: [String]?
    let options: [String]?
    let draws_guidance: Bool?

    init(_ status: BundleStatus) {
        let (bundle, recipe) = (status.summary, status.recipe)
        name = status.name
        state = status.state.rawValue
        `default` = status.isDefault
        problem = status.fault?.description
        weight_bytes = status.weightBytes
        version = bundle?.version
        licence = bundle?.licence
        training_data_terms = bundle?.trainingDataTerms
        sha256 = bundle?.digests
        labels = recipe?.labels
        classifier = recipe?.classifies
        text_tower = recipe?.takesOwnLabels
        precisions = recipe?.precisions?.mapValues(\.rawValue)
        samplers = recipe?.samplers.map(Sampler.init)
        default_sampler = recipe?.samplers.first?.name
        default_steps = recipe?.samplers.first?.defaultSteps
        modes = recipe?.modes.map(\.rawValue)
        draws_guidance = recipe?.drawsGuidance
        options = recipe.map { recipe in RestorationOption.allCases.filter(recipe.options.contains).map(\.name) }
    }

    struct Sampler: Codable, Sendable {
        let name: String
        let fewest_steps: Int
        let most_steps: Int
        let default_steps: Int

        init(_ sampler: RecipeDescription.Sampler) {
            name = sampler.name
            fewest_steps = sampler.steps.lowerBound
            most_steps = sampler.steps.upperBound
            default_steps = sampler.defaultSteps
        }
    }
}

/// The program's version.
package enum ServiceVersion {
    package static let current = "0.1.0"
}
