import Checkpoints
package import Compute
import Layers

/// A picture and what it may borrow from.
package struct GuidedSample: Sendable {
    /// Height x width x 3, interleaved, nominally 0...1.
    package var picture: [Float]
    package var reference: ReferenceFeatures

    package init(picture: [Float], reference: ReferenceFeatures) {
        self.picture = picture
        self.reference = reference
    }
}

/// A network that restores with the help of a reference picture.
package protocol GuidedNetwork: Sendable {
    var guidance: Guidance { get }

    /// Evaluates pictures of one size together, whatever the sizes of their references. What a picture gets never depends on the
    /// others.
    ///
    /// - Parameter observe: told each stage's name and result as it is computed, for comparison with recorded numbers.
    /// - Returns: a picture each, height x width x 3; nothing is clamped.
    func callAsFunction(
        _ samples: [GuidedSample], height: Int, width: Int, observe: GuidanceObserver?, in workspace: Workspace
    ) -> [[Float]]
}

/// Told of stages: `features` (of the picture, coarsest level), `reference.LEVEL`, `warp.LEVEL`; of each sample of a batch
/// `coarse.score.N`, `coarse.row.N`, `coarse.column.N` (a block each), `fine.score.N`, `fine.row.N`, `fine.column.N` (a pixel each).
package typealias GuidanceObserver = (_ stage: String, _ result: Tensor) -> Void

/// What all guided networks share (README): features of both pictures, matches between them, and what is borrowed at each level.
package struct Guidance: Sendable {
    package let configuration: GuidanceConfiguration
    private let encoder: FeatureEncoder

    init(_ parameters: ParameterReader, configuration: GuidanceConfiguration) throws(CheckpointError) {
        self.configuration = configuration
        encoder = try FeatureEncoder(parameters, configuration: configuration)
    }

    /// What can be borrowed from a reference, to be used for any number of pictures.
    ///
    /// - Parameter reference: height x width x 3, interleaved, nominally 0...1.
    package func features(
        of reference: [Float], height: Int, width: Int, observe: GuidanceObserver? = nil, in workspace: Workspace
    ) -> ReferenceFeatures {
        let input = padded([reference], height: height, width: width, in: workspace)
        var levels: [ReferenceFeatures.Level] = []
        _ = encoder(input, take: { level, features in
            observe?("reference.\(level)", features)
            levels.append(ReferenceFeatures.Level(features))
        }, in: workspace)
        return ReferenceFeatures(levels)
    }

    /// What a batch of pictures borrows.
    func borrowing(
        _ samples: [GuidedSample], height: Int, width: Int, observe: GuidanceObserver?, in workspace: Workspace
    ) -> Borrowing {
        let input = padded(samples.map(\.picture), height: height, width: width, in: workspace)
        let features = encoder(input, in: workspace)
        observe?("features", features)
        let matches = samples.indices.map { match(features, $0, samples[$0].reference, observe, in: workspace) }
        return Borrowing(
            transfer: Transfer(configuration: configuration),
            samples: zip(matches, samples).map { ($0, $1.reference) }, observe: observe, workspace: workspace)
    }

    private func padded(_ pictures: [[Float]], height: Int, width: Int, in workspace: Workspace) -> Tensor {
        PicturePadding.padded(
            pictures, height: height, width: width, channels: 3, alignment: configuration.alignment, margin: .zeros,
            in: workspace)
    }

    private func match(
        _ features: Tensor, _ sample: Int, _ reference: ReferenceFeatures, _ observe: GuidanceObserver?,
        in workspace: Workspace
    ) -> Matches {
        let coarsest = reference.levels[configuration.levels - 1]
        let coarse = CoarseMatching(configuration: configuration)(
            features, sample: sample, reference: coarsest, squares: reference.squares, in: workspace)
        let fine = FineMatching(configuration: configuration)(
            features, sample: sample, reference: coarsest, squares: reference.squares, coarse: coarse, in: workspace)
        if let observe {
            func tell(_ name: String, _ values: [Float]) {
                observe("\(name).\(sample)", Tensor(values, width: values.count, channels: 1, pool: workspace.pool))
            }
            tell("coarse.score", coarse.scores)
            tell("coarse.row", coarse.rows.map { Float($0) })
            tell("coarse.column", coarse.columns.map { Float($0) })
            tell("fine.score", fine.scores)
            tell("fine.row", fine.rows.map { Float($0) })
            tell("fine.column", fine.columns.map { Float($0) })
        }
        return fine
    }
}

/// What is matched for a batch: at each level a map of the state's size is made when it is wanted.
struct Borrowing {
    fileprivate let transfer: Transfer
    fileprivate let samples: [(matches: Matches, reference: ReferenceFeatures)]
    fileprivate let observe: GuidanceObserver?
    fileprivate let workspace: Workspace

    /// A backbone's state with what is borrowed at its level fused in (README, "Fusion").
    ///
    /// - Parameter blocks: put the result in the place of their input, which has twice the state's channels.
    func fused(_ state: Tensor, level: Int, blocks: (_ both: Tensor) -> Void) -> Tensor {
        let both: Tensor
        do {
            let borrowed = transfer(samples, level: level, in: workspace)
            observe?("warp.\(level)", borrowed)
            both = joined([state, borrowed], in: workspace)
        }
        blocks(both)
        return leading(state.channels, of: both, in: workspace)
    }
}
