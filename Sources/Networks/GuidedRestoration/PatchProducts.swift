import CKernels
import Compute

/// Products of up to 32 patches with all patches along a row, nine samples each: what matches are found by. The samples of a
/// patch are packed one after another, each of all channels.
struct PatchProducts {
    static let most = PackedPanels.width

    let channels: Int

    /// Numbers of a patch.
    var depth: Int { 9 * channels }
    /// Of memory for packed patches.
    var packedCount: Int { depth * Self.most }

    /// Packs patches as they are multiplied.
    ///
    /// - Parameter patches: `count` of them, each `depth` numbers, right behind one another; at most 32.
    func pack(_ patches: UnsafePointer<Float>, count: Int, to packed: UnsafeMutablePointer<Float>) {
        kernel_pack_panel(patches, depth, count, depth, 1, packed)
    }

    /// The products of packed patches with those of neighbouring pixels.
    ///
    /// - Parameters:
    ///   - samples: where the nine samples of the first pixel's patch lie; those of the next one lie a pixel further.
    ///   - products: a row of `most` for each pixel.
    func multiply(
        _ packed: UnsafePointer<Float>, count: Int, samples: [UnsafePointer<Float>], pixels: Int,
        to products: UnsafeMutablePointer<Float>, kernels: kernel_set
    ) {
        let taps = samples.map { Optional($0) }
        taps.withUnsafeBufferPointer { taps in
            var job = kernel_panel()
            job.taps = taps.baseAddress
            job.tap_count = taps.count
            job.depth = channels
            job.depth_stride = 1
            job.pixel_stride = channels
            job.pixels = pixels
            job.weights = packed
            job.columns = count
            job.output = products
            job.output_stride = Self.most
            kernels.panel(&job)
        }
    }

    /// Divides a patch by its length, where that is not nothing.
    static func normalise(_ patch: UnsafeMutablePointer<Float>, count: Int) {
        var sum = 0.0
        for index in 0..<count { sum += Double(patch[index]) * Double(patch[index]) }
        let factor = Float(reciprocalLength(sum))
        for index in 0..<count { patch[index] *= factor }
    }

    /// - Parameter squares: the sum of a patch's squares.
    static func reciprocalLength(_ squares: Double) -> Double { 1 / max(squares.squareRoot(), 1e-12) }
}
