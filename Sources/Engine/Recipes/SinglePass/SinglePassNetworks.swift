import Bundles
import Checkpoints
import Compute
import ConditionalNAFNet
import InstructIR
import NAFNet
import PromptIR
import Restormer
import SentenceEncoder

/// The kinds of networks that restore in one evaluation; the raw value is a bundle's kind and the name of its section.
enum SinglePassKind: String, Sendable, CaseIterable {
    case nafnet
    case conditionalNAFNet = "conditional-nafnet"
    case instructIR = "instructir"
    case restormer
    case promptIR = "promptir"
}

/// Reads networks and what they need of a bundle.
struct SinglePassReader {
    let bundle: Bundles.Bundle
    /// Nil where the bundle has none.
    let classifier: BundleClassifier?
    /// Picks what a network's large products are computed with from what the card allows.
    let choose: (Set<Precision>) -> Precision

    /// A network with what it is to be told of each label.
    struct Member {
        let network: any SinglePassNetwork
        /// Of its large products.
        let precision: Precision
        /// Nil where the network takes no words.
        var encoder: InstructionEncoder?
        /// What is said of each label; nil where the network does the same whatever is wrong.
        var instructions: [String: [Float]]?
    }

    /// - Parameter reader: the object that has the kind's section.
    func member(_ kind: SinglePassKind, in reader: ConfigurationReader, labels: [String]) throws -> Member {
        let section = try reading { () throws(ConfigurationError) in try reader.object(kind.rawValue) }
        let (network, precision) = try bundle.singlePassNetwork(kind, from: section, choosing: choose)
        switch network {
        case let network as ConditionalNAFNet:
            let width = network.configuration.contextWidth
            guard let classifier, classifier.width == width else {
                let found = classifier.map { "found \($0.width)" } ?? "and there is no daclip"
                throw BundleError.malformed(section.fault(
                    "context_dim", "expected the length of the embeddings, \(found)"))
            }
            return Member(network: network, precision: precision)
        case let network as InstructIR: return try instructed(network, precision, in: reader, labels: labels)
        default: return Member(network: network, precision: precision)
        }
    }

    private func instructed(
        _ network: InstructIR, _ precision: Precision, in reader: ConfigurationReader, labels: [String]
    ) throws -> Member {
        let words = try reading { () throws(ConfigurationError) in try reader.object("words") }
        let encoder = try instructionEncoder(words, width: network.configuration.instructionWidth)
        let workspace = Workspace(threads: 1)
        let sentences = try reading { () throws(ConfigurationError) in try words.optionalObject("sentences") }
        var instructions: [String: [Float]] = [:]
        for label in labels {
            guard let sentences, sentences.has(label) else { continue }
            let sentence = try reading { () throws(ConfigurationError) in
                try sentences.text(label, upTo: PromptLimits.characters)
            }
            instructions[label] = encoder.meaning(of: sentence, in: workspace).vector
        }
        return Member(network: network, precision: precision, encoder: encoder, instructions: instructions)
    }

    private func instructionEncoder(_ words: ConfigurationReader, width: Int) throws -> InstructionEncoder {
        let section = try reading { () throws(ConfigurationError) in try words.object("encoder") }
        let head = try reading { () throws(ConfigurationError) in try words.object("head") }
        let vocabulary = try reading { () throws(ConfigurationError) in try words.object("vocabulary") }
        let sizes = try reading { () throws(ConfigurationError) in try SentenceEncoderConfiguration(section) }
        let tasks = try reading { () throws(ConfigurationError) in try head.size("tasks", 1...1_000, default: 7) }
        let (name, bytes) = try bundle.file(of: vocabulary)
        let tokenizer: WordPieceTokenizer
        do throws(TokenizerError) {
            tokenizer = try WordPieceTokenizer(vocabulary: bytes.withBytes(in: 0..<bytes.count) { [UInt8]($0) })
            guard tokenizer.vocabularySize == sizes.vocabularySize else {
                throw .vocabularySize(tokenizer.vocabularySize, expected: sizes.vocabularySize)
            }
        } catch {
            throw BundleError.merges(file: name, reason: error.description)
        }
        return InstructionEncoder(
            tokenizer: tokenizer,
            encoder: try bundle.network(from: section) { parameters throws(CheckpointError) in
                try SentenceEncoder(parameters, configuration: sizes)
            },
            head: try bundle.network(from: head) { parameters throws(CheckpointError) in
                try InstructionHead(parameters, inputs: sizes.width, outputs: width, tasks: tasks)
            })
    }
}

extension Bundles.Bundle {
    /// The network of a section of such a kind, alone.
    ///
    /// - Parameter choose: picks what its large products are computed with from what the card allows.
    /// - Throws: `BundleError` with the place in `bundle.json`, or every missing, surplus and mis-shaped tensor.
    func singlePassNetwork(
        _ kind: SinglePassKind, from section: ConfigurationReader, choosing choose: (Set<Precision>) -> Precision
    ) throws -> (network: any SinglePassNetwork, precision: Precision) {
        let precision = choose(try reading { () throws(ConfigurationError) in try section.precisions() })
        return (try singlePassNetwork(kind, from: section, precision), precision)
    }

    private func singlePassNetwork(
        _ kind: SinglePassKind, from section: ConfigurationReader, _ precision: Precision
    ) throws -> any SinglePassNetwork {
        switch kind {
        case .nafnet:
            let sizes = try reading { () throws(ConfigurationError) in try NAFNetConfiguration(section) }
            return try network(from: section, precision: precision) { parameters throws(CheckpointError) in
                try NAFNet(parameters, configuration: sizes)
            }
        case .conditionalNAFNet:
            let sizes = try reading { () throws(ConfigurationError) in try ConditionalNAFNetConfiguration(section) }
            return try network(from: section, precision: precision) { parameters throws(CheckpointError) in
                try ConditionalNAFNet(parameters, configuration: sizes)
            }
        case .instructIR:
            let sizes = try reading { () throws(ConfigurationError) in try InstructIRConfiguration(section) }
            return try network(from: section, precision: precision) { parameters throws(CheckpointError) in
                try InstructIR(parameters, configuration: sizes)
            }
        case .restormer:
            let sizes = try reading { () throws(ConfigurationError) in try RestormerConfiguration(section) }
            guard sizes.inputChannels == 3, sizes.outputChannels == 3 else {
                throw BundleError.malformed(section.fault(
                    "inp_channels", "expected 3, in and out: grey pictures and pairs are not what is served"))
            }
            return try network(from: section, precision: precision) { parameters throws(CheckpointError) in
                try Restormer(parameters, configuration: sizes)
            }
        case .promptIR:
            let sizes = try reading { () throws(ConfigurationError) in try PromptIRConfiguration(section) }
            return try network(from: section, precision: precision) { parameters throws(CheckpointError) in
                try PromptIR(parameters, configuration: sizes)
            }
        }
    }
}

/// What a request may say in words.
package enum PromptLimits {
    package static let characters = 1_000
}
