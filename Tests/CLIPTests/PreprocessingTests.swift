import CLIP
import Checkpoints
import Compute
import Foundation
import Images
import Synchronization
import TestSupport
import Testing

@Suite("CLIP's preprocessing")
struct PreprocessingTests {
    private let workspace = Workspace(threads: 1)

    private func preprocessing(side: Int, windows: Int = 0) throws -> Preprocessing {
        let json = """
            {"embed_dim": 8, "native_windows": \(windows),
             "vision_cfg": {"image_size": \(side), "layers": 1, "width": 64, "patch_size": \(side)}}
            """
        return Preprocessing(try DegradationAwareCLIPConfiguration(ConfigurationReader(json: Array(json.utf8))))
    }

    @Test("the view of the whole is the picture resized and cropped")
    func whole() throws {
        var generator = SeededGenerator(seed: 4)
        let sizes = [(32, 32), (33, 32), (20, 50), (51, 20), (8, 300), (301, 9), (32, 97), (64, 35), (8, 8)]
        for (width, height) in sizes {
            let picture = Picture.noise(width: width, height: height, using: &generator)
            let side = 32, long = side * max(width, height) / min(width, height)
            let (across, down) = width <= height ? (side, long) : (long, side)
            let resized = Picture(
                width: across, height: down,
                pixels: try picture.resampled(width: across, height: down, columns: 0..<across, rows: 0..<down))
            func range(_ length: Int) -> Range<Int> {
                let start = Int((Double(length - side) / 2).rounded(.toNearestOrEven))
                return start..<start + side
            }
            let crop = resized.window(columns: range(across), rows: range(down))
            #expect(try preprocessing(side: side).views(of: picture, in: workspace) == [crop], "\(width) x \(height)")
        }
    }

    @Test("the thinnest and longest picture costs only its window")
    func thinnest() throws {
        for (width, height) in [(8, 16_384), (16_384, 8)] {
            let views = try preprocessing(side: 224).views(of: .sample(width: width, height: height), in: workspace)
            #expect(views.map(\.count) == [224 * 224 * 3])
        }
    }

    @Test("native windows stand in the middle and on the way to its corners, after the whole picture")
    func views() throws {
        var generator = SeededGenerator(seed: 6)
        // Rooms of 10 x 7 beyond the window: their halves and quarters are rounded to even.
        let picture = Picture.noise(width: 42, height: 39, using: &generator)
        let places = [(5, 4), (2, 2), (8, 5), (8, 2), (2, 5)]
        let windows = places.map { picture.window(columns: $0.0..<$0.0 + 32, rows: $0.1..<$0.1 + 32) }
        for count in [0, 2, 5] {
            let views = try preprocessing(side: 32, windows: count).views(of: picture, in: workspace)
            #expect(views.count == 1 + count && Array(views.dropFirst()) == Array(windows.prefix(count)))
        }
    }

    @Test("a picture that is narrower than a window is looked at as a whole only")
    func viewsOfSmallPictures() throws {
        for (width, height, count) in [(31, 90, 1), (90, 31, 1), (32, 32, 6)] {
            let views = try preprocessing(side: 32, windows: 5).views(of: .sample(width: width, height: height), in: workspace)
            #expect(views.count == count)
        }
    }

    @Test("what is turned is seen as the turned picture would be, window by window")
    func turned() throws {
        var generator = SeededGenerator(seed: 9)
        for (width, height) in [(52, 48), (31, 60)] {
            let picture = Picture.noise(width: width, height: height, using: &generator)
            let preprocessing = try preprocessing(side: 32, windows: 5)
            let views = try preprocessing.views(of: picture, in: workspace)
            let turned = preprocessing.turnedViews(of: picture, whole: views[0])
            var upsideDown = picture
            upsideDown.pixels = (0..<width * height).reversed().flatMap { picture.pixels[$0 * 3..<$0 * 3 + 3] }
            let seen = try preprocessing.views(of: upsideDown, in: workspace)
            // Windows above the middle change places with those below it.
            #expect(Set(turned.dropFirst()) == Set(seen.dropFirst()))
            #expect(turned.count == views.count && turned != views)
        }
    }

    @Test("from afar, windows show what they would of a smaller picture", arguments: [0.75, 0.6])
    func fromAfar(scale: Double) throws {
        var generator = SeededGenerator(seed: 10)
        for (width, height, count) in [(80, 64, 6), (35, 40, 6), (31, 90, 1)] {
            let picture = Picture.noise(width: width, height: height, using: &generator)
            let preprocessing = try preprocessing(side: 32, windows: 5)
            let whole = try preprocessing.views(of: picture, in: workspace)[0]
            let views = try preprocessing.viewsFromAfar(of: picture, whole: whole, scale: scale, in: workspace)
            #expect(views.count == count && views[0] == whole)
            let smaller = (width: max(32, Int(Double(width) * scale)), height: max(32, Int(Double(height) * scale)))
            let shrunk = Picture(
                width: smaller.width, height: smaller.height,
                pixels: try picture.resampled(
                    width: smaller.width, height: smaller.height, columns: 0..<smaller.width, rows: 0..<smaller.height))
            let seen = try preprocessing.views(of: shrunk, in: workspace)
            if count > 1 { #expect(Array(views.dropFirst()) == Array(seen.dropFirst())) }
        }
    }

    @Test("a look that nobody wants any more ends at the next band of rows", arguments: [1, 2])
    func cancelled(threads: Int) throws {
        let preprocessing = try preprocessing(side: 64, windows: 5)
        let picture = Picture.sample(width: 300, height: 400)
        // Enough for some bands of the first pass, not for all.
        for allowed in [0, 1, 7] {
            let asked = Atomic(0)
            #expect(throws: ImageError.cancelled) {
                try preprocessing.views(of: picture, in: Workspace(threads: threads)) {
                    asked.add(1, ordering: .relaxed).newValue <= allowed
                }
            }
            #expect(asked.load(ordering: .relaxed) > allowed)
        }
    }

    @Test("threads change no byte", arguments: [2, 3, 7])
    func threads(count: Int) throws {
        var generator = SeededGenerator(seed: 8)
        let picture = Picture.noise(width: 501, height: 377, using: &generator)
        let preprocessing = try preprocessing(side: 64, windows: 5)
        let team = Workspace(threads: count)
        let views = try preprocessing.views(of: picture, in: workspace)
        #expect(try preprocessing.views(of: picture, in: team) == views)
        #expect(preprocessing.normalised(views, in: team).values == preprocessing.normalised(views, in: workspace).values)
    }

    @Test("the recorded bytes and floats are reproduced", .enabled(if: ParityFolder.current.has("preprocess.safetensors")))
    func parity() throws {
        let recorded = try StateDict(contentsOf: ParityFolder.current.path("preprocess.safetensors"))
        var checked = 0
        for name in recorded.names {
            let parts = name.split(separator: ".")
            let tensor = try #require(recorded[name])
            guard parts.count == 2, let side = tensor.shape.last else { continue }
            // A JPEG by its decoded twin, so that decoders don't count.
            let twin = ["images/\(parts[0])_decoded.png", "images/\(parts[0]).png"].first { ParityFolder.current.has($0) }
            let file = [UInt8](try Data(contentsOf: ParityFolder.current.url(twin ?? "")))
            let preprocessing = try preprocessing(side: side)
            let views = try preprocessing.views(of: try ImageDecoder.decode(file), in: workspace)
            if parts[1].hasPrefix("uint8_crop") {
                let planar = (0..<3).flatMap { channel in stride(from: channel, to: views[0].count, by: 3).map { views[0][$0] } }
                #expect(planar == tensor.withBytes { [UInt8]($0) }, "\(name)")
            } else {
                let found = preprocessing.normalised(views, in: workspace).channelsFirst
                try #require(found.count == tensor.elementCount)
                let worst = zip(found, tensor.floats()).map { abs($0 - $1) }.max() ?? 0
                #expect(worst <= 1e-6, "\(name): \(worst)")
            }
            checked += 1
        }
        #expect(checked > 0)
    }
}
