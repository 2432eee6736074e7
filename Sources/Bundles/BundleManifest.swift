package import Diffusion

/// What a `bundle.json` says: which networks, with which sizes, from which files, under which terms.
///
/// The keys are those of the official configurations (`vision_cfg`, `ch_mult`, ...). Keys that may be left out take the
/// official defaults, keys that are not known are errors, and every value has been checked once decoded: sizes are
/// positive and bounded, so that products of a few of them fit an `Int`.
package struct BundleManifest: Sendable, Equatable {
    package var name: String
    package var version: String
    /// Of the weights; the code's own licence says nothing about them.
    package var licence: String
    package var trainingDataTerms: String
    package var prediction: Prediction
    /// In the order of the classifier's features.
    package var labels: [String]
    /// What cosines are multiplied by before the softmax.
    package var logitScale: Double
    package var classifier: Classifier
    package var network: Network
    package var diffusion: Diffusion
    package var defaults: Defaults

    /// What the restoration network's output stands for.
    package enum Prediction: String, Sendable, CaseIterable {
        /// The noise in the state (the official weights).
        case noise
        /// The clean picture.
        case clean
    }

    /// A file of the bundle: a plain name in its folder, and its SHA-256 in lower-case hexadecimal.
    package struct File: Sendable, Equatable {
        package var name: String
        package var sha256: String
    }

    /// `daclip`: the vision towers with the controller, and the text tower where there is one.
    package struct Classifier: Sendable, Equatable {
        /// There are places for no more.
        package static let nativeWindowLimit = 5

        package var file: File
        /// Length of both embeddings.
        package var embeddingDimension: Int
        /// The activation x * sigmoid(1.702 x) in place of the exact GELU.
        package var usesQuickGELU: Bool
        /// The image encoder's.
        package var vision: Vision
        /// The image encoder's, but for what `controller_cfg` says otherwise.
        package var controller: Vision
        /// Windows of its own resolution that are looked at beside the whole picture, whose degradation embedding is the
        /// mean over all of them; 0 for the published models.
        package var nativeWindows: Int
        /// Nil where the file's `label_features` (labels x embedding, rows of unit length) replace a text tower.
        package var text: Text?
        /// The byte-pair merges; there where there is a text tower.
        package var merges: File?
    }

    /// `vision_cfg`: pixels a side, transformer blocks, channels.
    package struct Vision: Sendable, Equatable {
        package var imageSize: Int
        package var layers: Int
        package var width: Int
        package var patchSize: Int
        /// Channels of an attention head.
        package var headWidth: Int
        /// Inner widths of a convolutional stem, each convolution halving the side; nil for a patch convolution.
        package var stem: [Int]?
        /// Residual blocks behind each of the stem's convolutions; nil for none.
        package var stemBlocks: [Int]?
        package var pool: Pool
    }

    /// What an embedding is read from: the class token, or the mean and the maximum over all patches.
    package enum Pool: String, Sendable, CaseIterable {
        case classToken = "class"
        case patches
    }

    /// `text_cfg`.
    package struct Text: Sendable, Equatable {
        /// Tokens of a text, the start and end tokens among them.
        package var contextLength: Int
        package var vocabularySize: Int
        package var width: Int
        package var heads: Int
        package var layers: Int
    }

    /// `unet`: the restoration network.
    package struct Network: Sendable, Equatable {
        package var file: File
        package var inputChannels: Int
        package var outputChannels: Int
        /// Channels of the first level (`nf`).
        package var width: Int
        /// Of the levels' channels, finest level first (`ch_mult`).
        package var multipliers: [Int]
        /// Length of the embeddings it takes; nil where it takes none.
        package var contextDimension: Int?
        package var usesDegradationContext: Bool
        package var usesImageContext: Bool
        /// 1, or 0.5 where the levels work at half the picture's resolution.
        package var scale: Double
    }

    /// `diffusion`: the mean-reverting SDE.
    package struct Diffusion: Sendable, Equatable {
        /// Steps of the full tables (`T`).
        package var steps: Int
        package var schedule: Schedule
        /// What is left of the start at the end (`eps`).
        package var epsilon: Double
        /// The noise at the end, on the scale of 0 to 255 (`max_sigma`).
        package var maximumSigma: Double
        /// Steps of rebuilt tables (`sample_T`); nil for all.
        package var sampledSteps: Int?
    }

    package enum Schedule: String, Sendable, CaseIterable {
        case cosine, linear, constant
    }

    /// `default`: what a request that says nothing gets.
    package struct Defaults: Sendable, Equatable {
        package var sampler: SamplerKind
        package var steps: Int
        /// The steps visited, from the last one down; nil for evenly spaced ones.
        package var times: [Int]?
    }

    /// The files that the bundle is made of, `bundle.json` aside.
    package var files: [File] {
        [classifier.file, network.file] + (classifier.merges.map { [$0] } ?? [])
    }
}
