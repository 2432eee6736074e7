import Checkpoints
import Images

/// What a bundle gave for one picture: `check.safetensors` beside it, so that a later run, or another machine, can tell
/// whether it computes the same.
///
/// It has `picture` (bytes, height x width x 3), `probabilities` (1 x labels) where the bundle tells what is wrong, and
/// `restored` (as `picture`), with the choices in its header; perhaps a `reference` (likewise) that was borrowed from, else that
/// was the built-in picture. The one that comes with `Weights/mini` is made by its training
/// and has more for its networks, and no `restored`.
package enum BundleCheck {
    package static let name = "check.safetensors"

    /// Evaluations: enough to see a sampler go on from its own state, where few minutes matter.
    private static let steps = 2
    private static let seed: UInt64 = 1

    package static func isThere(in folder: String) -> Bool {
        (try? CheckpointBytes(contentsOf: folder + "/" + name)) != nil
    }

    // MARK: Making one

    /// - Throws: where the bundle doesn't work, or the file can't be written.
    package static func write(to folder: String, by engine: any RestorationEngine) async throws {
        let picture = builtInPicture
        var options = options(for: engine.recipe)
        let result = try await restore(picture, by: engine, &options)
        var tensors = ["picture": tensor(picture), "restored": tensor(result.picture)]
        if let probabilities = try await probabilities(of: picture, by: engine) {
            tensors["probabilities"] = StoredTensor(probabilities, shape: [1, probabilities.count])
        }
        var choices: [String: String] = [:]
        choices["seed"] = options.seed.map { String($0) }
        if let sampling = result.sampling { choices["steps"] = String(sampling.steps) }
        choices["sampler"] = result.sampling?.sampler
        choices["degradation"] = options.degradations?.first
        try SafetensorsWriter.write(tensors, metadata: choices, to: folder + "/" + name)
    }

    private static func options(for recipe: RecipeDescription) -> RestorationOptions {
        var options = RestorationOptions()
        // A picture that is taken for clean would be no check.
        if recipe.options.contains(.force) { options.force = true }
        if recipe.options.contains(.seed) { options.seed = seed }
        if recipe.drawsGuidance {
            options.drawsGuidance = true
        } else if recipe.options.contains(.reference) {
            options.reference = ReferencePicture(builtInPicture)
        }
        if recipe.options.contains(.steps), let sampler = recipe.samplers.first {
            options.sampler = sampler.name
            options.steps = min(max(steps, sampler.steps.lowerBound), sampler.steps.upperBound)
        }
        return options
    }

    /// One that finds nothing out by itself wants to be told what is wrong: the first that it knows.
    private static func restore(
        _ picture: Picture, by engine: any RestorationEngine, _ options: inout RestorationOptions
    ) async throws(RestorationError) -> RestorationResult {
        do {
            return try await engine.restore(picture, options: options) { _ in }
        } catch {
            guard options.degradations == nil, let label = engine.recipe.labels.first else { throw error }
            options.degradations = [label]
            return try await engine.restore(picture, options: options) { _ in }
        }
    }

    /// In the order of the bundle's labels; nil where it tells nothing apart.
    private static func probabilities(
        of picture: Picture, by engine: any RestorationEngine
    ) async throws(RestorationError) -> [Float]? {
        do {
            let found = try await engine.classify(picture, labels: nil)
            let byLabel = Dictionary(found.entries.map { ($0.label, $0.probability) }) { first, _ in first }
            return engine.recipe.labels.map { Float(byLabel[$0] ?? 0) }
        } catch .notOffered {
            return nil
        }
    }

    /// The same on every machine: a sky, ground and a disc, with noise, made by whole numbers alone.
    private static var builtInPicture: Picture {
        let (width, height) = (96, 64)
        var pixels: [UInt8] = []
        var noise: UInt32 = 1
        for y in 0..<height {
            for x in 0..<width {
                let isDisc = (x - 60) * (x - 60) + (y - 30) * (y - 30) < 300
                let colour = isDisc ? [200, 150, 60] : y < 36 ? [90 + y, 130 + y, 190] : [60 + x / 2, 100, 50]
                for channel in colour {
                    // A linear congruential generator, whose upper bits are good enough for noise.
                    noise = noise &* 1_664_525 &+ 1_013_904_223
                    pixels.append(UInt8(min(255, max(0, channel + Int(noise >> 27) - 16))))
                }
            }
        }
        return Picture(width: width, height: height, pixels: pixels)
    }

    private static func tensor(_ picture: Picture) -> StoredTensor {
        StoredTensor(scalarType: .uint8, shape: [picture.height, picture.width, 3], littleEndian: picture.pixels)
    }

    // MARK: Comparing

    /// How what is computed here differs from what was recorded.
    package struct Comparison: Sendable, Equatable {
        /// The largest difference of probabilities; nil where none were recorded.
        package var probabilities: Double?
        /// Of the samples of the restored picture, 0...255: the largest difference, and the share that differs by more than
        /// rounding can make of it. Nil where none was recorded.
        package var largest: Int?
        package var share: Double?

        /// Other processors sum in another order; what is beyond that is another network, or a broken one.
        package var isSame: Bool {
            (probabilities ?? 0) <= BundleCheck.probabilityTolerance && (share ?? 0) <= BundleCheck.shareTolerance
        }

        package var isEmpty: Bool { probabilities == nil && largest == nil }
    }

    private static let probabilityTolerance = 0.002
    private static let sampleTolerance = 2
    private static let shareTolerance = 0.01

    /// Restores the recorded picture, or the built-in one, as it was done when the numbers were recorded.
    ///
    /// - Throws: where the bundle doesn't work, or the file of numbers is unsound.
    package static func run(in folder: String, by engine: any RestorationEngine) async throws -> Comparison {
        let recorded = isThere(in: folder) ? try StateDict(contentsOf: folder + "/" + name) : nil
        let picture = try recorded.flatMap { try self.picture($0, "picture") } ?? builtInPicture
        let recipe = engine.recipe
        var options = options(for: recipe)
        if options.reference != nil, let recorded, let reference = try self.picture(recorded, "reference") {
            options.reference = ReferencePicture(reference)
        }
        if recorded?["restored"] != nil {
            let choices = recorded?.metadata ?? [:]
            if recipe.options.contains(.seed) { options.seed = choices["seed"].flatMap { UInt64($0) } ?? options.seed }
            if recipe.options.contains(.steps) { options.steps = choices["steps"].flatMap { Int($0) } ?? options.steps }
            if recipe.options.contains(.sampler) { options.sampler = choices["sampler"] ?? options.sampler }
            options.degradations = choices["degradation"].map { [$0] }
        }
        let result = try await restore(picture, by: engine, &options)
        var comparison = Comparison()
        if let expected = recorded?["restored"].map({ $0.withBytes { [UInt8]($0) } }) {
            guard expected.count == result.picture.pixels.count else {
                throw CheckpointError.malformedTensor(name: "restored", "is no picture of the size of the other")
            }
            let differences = zip(expected, result.picture.pixels).map { abs(Int($0) - Int($1)) }
            comparison.largest = differences.max()
            comparison.share = Double(differences.count { $0 > sampleTolerance }) / Double(max(1, differences.count))
        }
        if let expected = recorded?["probabilities"]?.floats(),
            let found = try await probabilities(of: picture, by: engine), found.count == expected.count {
            comparison.probabilities = zip(expected, found).map { Double(abs($0 - $1)) }.max()
        }
        return comparison
    }

    /// - Returns: nil where the file has none of that name.
    private static func picture(_ recorded: StateDict, _ name: String) throws(CheckpointError) -> Picture? {
        guard let tensor = recorded[name] else { return nil }
        let sides = 8...4_096
        guard tensor.scalarType == .uint8, tensor.shape.count == 3, tensor.shape[2] == 3,
            sides.contains(tensor.shape[0]), sides.contains(tensor.shape[1])
        else { throw .malformedTensor(name: name, "expected bytes, height x width x 3, of sides in 8...4096") }
        return Picture(width: tensor.shape[1], height: tensor.shape[0], pixels: tensor.withBytes { [UInt8]($0) })
    }
}
