package import Autoencoder
package import Bundles
import CLIP
package import Checkpoints
package import LatentUNet
package import Pseudowords

/// The networks that draw a guidance picture: what reads words off a degraded one, and a latent diffusion.
package struct DrawnGuidanceNetworks: Sendable {
    package let configuration: DrawnGuidanceConfiguration
    package let reader: WordReader
    package let network: LatentUNet
    package let decoder: LatentDecoder
    /// Bytes that the weights hold.
    package let weightBytes: Int

    package init(
        configuration: DrawnGuidanceConfiguration, reader: WordReader, network: LatentUNet, decoder: LatentDecoder,
        weightBytes: Int = 0
    ) {
        (self.configuration, self.reader, self.network) = (configuration, reader, network)
        (self.decoder, self.weightBytes) = (decoder, weightBytes)
    }

    /// The networks of a bundle.
    ///
    /// - Throws: `BundleError` with the place in `bundle.json`, or every missing, surplus and mis-shaped tensor of a file.
    package init(_ bundle: Bundles.Bundle, precision: Precision) throws(BundleError) {
        let section = try bundle.section(DrawnGuidanceConfiguration.section)
        let configuration = try reading { () throws(ConfigurationError) in try DrawnGuidanceConfiguration(section) }
        var files = DrawnGuidanceFiles(
            bundle, section, precision: precision, textLayers: configuration.text.layers)
        let (mapper, projections) = try files.network("mapper") { parameters throws(CheckpointError) in
            let parts = (
                try WordMapper(parameters), try ContextProjections(parameters, configuration: configuration.network)
            )
            try parameters.finish()
            return parts
        }
        let cleaner = try files.network("clean_mapper") { parameters throws(CheckpointError) in
            try WordCleaner(parameters.inFull)
        }
        let vision = try files.vision(configuration.vision)
        let (network, decoder, text) = try files.diffusion(configuration, projections)
        let tokenizer = try Self.tokenizer(bundle, section, configuration)
        do throws(PseudowordError) {
            let length = configuration.text.contextLength
            let prompt = try WordPrompt(
                template: configuration.template, placeholder: configuration.placeholder, tokenizer: tokenizer,
                contextLength: length)
            let reader = try WordReader(
                vision: vision, mapper: mapper, cleaner: cleaner, text: text, prompt: prompt,
                empty: tokenizer.tokens(for: "", contextLength: length))
            self.init(
                configuration: configuration, reader: reader, network: network, decoder: decoder,
                weightBytes: files.weightBytes)
        } catch {
            throw .malformed(section.fault("template", error.description))
        }
    }

    private static func tokenizer(
        _ bundle: Bundles.Bundle, _ section: ConfigurationReader, _ configuration: DrawnGuidanceConfiguration
    ) throws(BundleError) -> BytePairTokenizer {
        let (name, bytes) = try bundle.file(
            of: reading { () throws(ConfigurationError) in try section.object("merges") })
        do throws(TokenizerError) {
            return try BytePairTokenizer(
                merges: bytes.withBytes(in: 0..<bytes.count) { [UInt8]($0) },
                vocabularySize: configuration.text.vocabularySize)
        } catch {
            throw .merges(file: name, reason: error.description)
        }
    }
}

extension Bundles.Bundle {
    /// What draws guidance; nil for a bundle without the section `words`.
    ///
    /// - Parameter choose: picks what large products are computed with from what the card allows.
    /// - Throws: as `DrawnGuidanceNetworks`.
    func drawnGuidance(
        choosing choose: (Set<Precision>) -> Precision
    ) throws(BundleError) -> (networks: DrawnGuidanceNetworks, precision: Precision)? {
        guard configuration.has(DrawnGuidanceConfiguration.section) else { return nil }
        let section = try section(DrawnGuidanceConfiguration.section)
        let precision = choose(try reading { () throws(ConfigurationError) in try section.precisions() })
        return (try DrawnGuidanceNetworks(self, precision: precision), precision)
    }
}
