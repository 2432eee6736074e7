import Bundles
import Engine
import Foundation
import Images
import Synchronization
import TestSupport
import Testing

/// A network with a reference behind the diffusion of another bundle.
@Suite("Guided behind a diffusion", .timeLimit(.minutes(2)))
struct FollowingEngineTests {
    private static let labels = ["noisy", "hazy", "clean"]
    private static let picture = Picture.sample(width: 61, height: 43)
    private static let reference = Picture.sample(width: 204, height: 192)

    /// Folders side by side.
    private struct Shelf {
        let diffusion: SinglePassBundle

        init(labels: [String] = FollowingEngineTests.labels) throws {
            diffusion = try SinglePassBundle("daclip-ir-sde", labels: labels, classifier: true)
        }

        func guided(
            weights: ClosedRange<Float> = -0.2...0.2, _ members: [String: Any] = [:]
        ) throws -> SinglePassBundle {
            let after: [String: Any] = ["after": ["bundle": diffusion.folder.lastPathComponent]]
            return try SinglePassBundle("guided", weights: weights, after.merging(members) { $1 })
        }
    }

    private static func options(
        with reference: Picture?, _ change: (inout RestorationOptions) -> Void = { _ in }
    ) -> RestorationOptions {
        var options = RestorationOptions()
        (options.seed, options.steps, options.sampler, options.degradations) = (1, 3, "posterior", ["noisy"])
        options.reference = reference.map { ReferencePicture($0) }
        change(&options)
        return options
    }

    private func restore(
        _ picture: Picture = picture, with reference: Picture? = reference, on engine: RecipeEngine,
        _ change: (inout RestorationOptions) -> Void = { _ in }
    ) async throws -> RestorationResult {
        try await engine.restore(picture, options: Self.options(with: reference, change)) { _ in }
    }

    @Test("without a reference it is the diffusion; with one the network goes behind it, and one that does nothing changes nothing")
    func order() async throws {
        let shelf = try Shelf()
        let plain = try await restore(with: nil, on: shelf.diffusion.engine())
        let engine = try shelf.guided().engine()
        let alone = try await restore(with: nil, on: engine)
        #expect(alone.picture == plain.picture && alone.timing.stages.map(\.name) == plain.timing.stages.map(\.name))
        let idle = try await restore(on: shelf.guided(weights: 0...0).engine())
        #expect(idle.picture == plain.picture && idle.sampling == plain.sampling && idle.degradations == ["noisy"])
        let guided = try await restore(Self.large, with: Self.diffused(Self.large, by: shelf), on: engine)
        let other = try await Self.diffused(Self.large, by: shelf)
        #expect(guided.picture != other && guided.sampling?.steps == 3 && guided.modes == [.photo])
        #expect(Set(guided.timing.stages.map(\.name)) == ["classify", "reference", "borrow"])
    }

    /// Large enough to be a reference as it is.
    private static let large = Picture.sample(width: 196, height: 192)

    /// What the diffusion makes of a picture, which is a reference that shows what it shows.
    private static func diffused(_ picture: Picture, by shelf: Shelf, steps: Int = 3) async throws -> Picture {
        try await shelf.diffusion.engine().restore(picture, options: options(with: nil) { $0.steps = steps }) { _ in }.picture
    }

    @Test("it offers what the diffusion offers, and a reference, which is known before it is loaded")
    func description() throws {
        let shelf = try Shelf()
        let (bundle, diffusion) = (try shelf.guided(), try shelf.diffusion.engine().recipe)
        let recipe = try bundle.engine().recipe
        #expect(recipe.options == diffusion.options.union([.reference]) && recipe.labels == Self.labels)
        #expect(recipe.samplers == diffusion.samplers && recipe.modes == diffusion.modes && recipe.classifies)
        #expect(recipe.precisions?.keys.sorted() == ["daclip", "network_g", "unet"])
        let listing = BundleListing(folder: bundle.folder.path)
        var told = try #require(listing.contents.get().recipe)
        told.precisions = recipe.precisions
        #expect(told == recipe)
    }

    @Test("tiles, threads, workers and company change nothing")
    func company() async throws {
        let shelf = try Shelf()
        defer { withExtendedLifetime(shelf) {} }
        let bundle = try shelf.guided()
        let large = Picture.sample(width: 161, height: 97)
        let one = try await restore(large, on: bundle.engine()) { $0.tile = 64 }
        let two = try await restore(large, on: bundle.engine { ($0.workers, $0.threadsPerEvaluation) = (2, 2) }) { $0.tile = 64 }
        #expect(one.picture == two.picture && one.picture.width == 161)
        // Of the same size, at different steps, so that diffusions and evaluations with references meet.
        let pictures = (0..<8).map { Picture.sample(width: 193 + $0 % 2, height: 192) }
        var made: [Picture] = []
        for (number, picture) in pictures.enumerated() {
            made.append(try await Self.diffused(picture, by: shelf, steps: 1 + number % 4))
        }
        let references = made
        @Sendable func options(_ number: Int) -> RestorationOptions {
            Self.options(with: number % 3 == 0 ? nil : references[number]) { $0.steps = 1 + number % 4 }
        }
        try await expectCompanyChangesNothing(pictures, of: bundle, options: options)
    }

    @Test("every label in turn has its diffusion and its evaluation, and a picture that nothing is wrong with comes back")
    func rounds() async throws {
        let shelf = try Shelf()
        let engine = try shelf.guided().engine()
        let both = try await restore(on: engine) { $0.degradations = ["noisy", "hazy"] }
        #expect(both.degradations == ["noisy", "hazy"] && both.modes == [.photo, .photo])
        // What a classifier of one label finds is no surprise.
        let sure = try Shelf(labels: ["clean"])
        let clean = try await restore(on: sure.guided().engine()) { $0.degradations = nil }
        withExtendedLifetime(sure) {}
        #expect(clean.unchanged && clean.picture == Self.picture)
    }

    @Test("memory for both is asked for, and what can't be done within the budget is refused")
    func memory() throws {
        let shelf = try Shelf()
        let guided = try shelf.guided().engine()
        let options = Self.options(with: Self.reference)
        let (both, first) = (
            try guided.estimate(width: 61, height: 43, options: options),
            try shelf.diffusion.engine().estimate(width: 61, height: 43, options: Self.options(with: nil))
        )
        #expect(both.bytes > first.bytes)
        let short = try shelf.guided().engine { $0.memoryBudget = 1 << 16 }
        #expect(throws: RestorationError.self) { try short.estimate(width: 61, height: 43, options: options) }
    }

    @Test("progress counts every evaluation")
    func progress() async throws {
        let shelf = try Shelf()
        let engine = try shelf.guided().engine()
        withExtendedLifetime(shelf) {}
        let told = Mutex<[RestorationProgress]>([])
        _ = try await engine.restore(Self.picture, options: Self.options(with: Self.reference)) { progress in
            told.withLock { $0.append(progress) }
        }
        guard case .running(let completed, let total, _)? = told.withLock({ $0.last }) else {
            Issue.record("no progress")
            return
        }
        #expect(completed == 4 && total == 4)
    }

    @Test("what a bundle.json has wrong is named", arguments: [
        ("classifier", "classifier"), ("restores", "restores"), ("needs_reference", "needs_reference"), ("words", "words"),
        ("kind", "bundle"), ("nobody", "bundle"),
    ])
    func wrong(key: String, place: String) throws {
        let shelf = try Shelf()
        let network = try SinglePassBundle("nafnet")
        let members: [String: Any] = switch key {
        case "classifier": ["classifier": ["bundle": shelf.diffusion.folder.lastPathComponent]]
        case "restores": ["restores": ["noisy"]]
        case "needs_reference": ["needs_reference": false]
        case "words": ["words": [String: Any]()]
        case "kind": ["after": ["bundle": network.folder.lastPathComponent]]
        default: ["after": ["bundle": "nobody-is-here"]]
        }
        let bundle = try shelf.guided(members)
        let error = #expect(throws: BundleError.self) { try bundle.engine() }
        #expect(error?.description.contains(place) ?? false, "\(String(describing: error))")
    }
}
