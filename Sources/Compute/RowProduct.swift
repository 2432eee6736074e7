package import CKernels

extension kernel_panel {
    /// A product of rows as they stand in memory, each a pixel with its channels side by side. `body` says by what they are multiplied and
    /// where the sums go.
    ///
    /// - Parameters:
    ///   - stride: between the rows' beginnings, in 32-bit elements.
    ///   - depth: of a row, in 32-bit elements.
    package static func ofRows(
        _ rows: UnsafePointer<Float>, stride: Int, count: Int, depth: Int, _ body: (inout kernel_panel) -> Void
    ) {
        var taps: UnsafePointer<Float>? = rows
        withUnsafePointer(to: &taps) { taps in
            var job = kernel_panel()
            job.taps = taps
            job.tap_count = 1
            job.depth = depth
            job.depth_stride = 1
            job.pixel_stride = stride
            job.pixels = count
            body(&job)
        }
    }
}
