package import CLIP
import Checkpoints
package import Diffusion
package import RestorationUNet

/// From a bundle's files to networks that compute.
extension Bundle {
    /// The picture encoder.
    ///
    /// - Throws: `BundleError` that names every missing, surplus and mis-shaped tensor.
    package func makeClassifier() throws(BundleError) -> DegradationAwareCLIP {
        do {
            return try DegradationAwareCLIP(
                ParameterReader(classifierTensors), configuration: manifest.classifier.configuration,
                labelCount: manifest.labels.count)
        } catch {
            throw .checkpoint(file: manifest.classifier.file.name, error)
        }
    }

    /// What turns labels into the text tower's tokens; nil without a text tower.
    ///
    /// - Throws: `BundleError.merges`.
    package func makeTokenizer() throws(BundleError) -> BytePairTokenizer? {
        guard let merges, let text = manifest.classifier.text, let file = manifest.classifier.merges else { return nil }
        do {
            return try BytePairTokenizer(merges: merges, vocabularySize: text.vocabularySize)
        } catch {
            throw .merges(file: file.name, error)
        }
    }

    /// The restoration network.
    ///
    /// - Throws: `BundleError` that names every missing, surplus and mis-shaped tensor.
    package func makeNetwork() throws(BundleError) -> ConditionalUNet {
        do {
            return try ConditionalUNet(
                ParameterReader(networkTensors), configuration: manifest.network.configuration)
        } catch {
            throw .checkpoint(file: manifest.network.file.name, error)
        }
    }

    package var diffusion: DiffusionConfiguration {
        var configuration = DiffusionConfiguration()
        configuration.stepCount = manifest.diffusion.steps
        configuration.schedule = DiffusionConfiguration.Schedule(rawValue: manifest.diffusion.schedule.rawValue)
            ?? configuration.schedule
        configuration.epsilon = manifest.diffusion.epsilon
        configuration.maximumSigma = manifest.diffusion.maximumSigma
        configuration.sampleStepCount = manifest.diffusion.sampledSteps
        return configuration
    }

    package var prediction: DiffusionConfiguration.Prediction {
        manifest.prediction == .clean ? .clean : .noise
    }
}

extension BundleManifest.Classifier {
    package var configuration: DegradationAwareCLIPConfiguration {
        DegradationAwareCLIPConfiguration(
            embeddingWidth: embeddingDimension,
            vision: vision.configuration, controller: controller.configuration,
            text: text.map {
                .init(
                    contextLength: $0.contextLength, vocabularySize: $0.vocabularySize, width: $0.width,
                    heads: $0.heads, layers: $0.layers)
            })
    }
}

extension BundleManifest.Vision {
    fileprivate var configuration: DegradationAwareCLIPConfiguration.Vision {
        .init(
            imageSize: imageSize, layers: layers, width: width, patchSize: patchSize, headWidth: headWidth, stem: stem,
            stemBlocks: stemBlocks, pool: pool == .patches ? .patches : .classToken)
    }
}

extension BundleManifest.Network {
    package var configuration: ConditionalUNetConfiguration {
        var configuration = ConditionalUNetConfiguration()
        configuration.inputChannels = inputChannels
        configuration.outputChannels = outputChannels
        configuration.baseWidth = width
        configuration.multipliers = multipliers
        configuration.contextWidth = contextDimension
        configuration.usesDegradation = usesDegradationContext
        configuration.usesContent = usesImageContext
        configuration.scale = scale
        return configuration
    }
}
