import CKernels

/// The weights of a linear map, packed for the kernels: panels of 32 output columns, each `rows` deep, the last one
/// padded with zeros. Immutable, so any number of evaluations can share it.
package final class PackedPanels: @unchecked Sendable {
    // Sendable: written in `init` only.
    package let rows: Int
    package let columns: Int
    private let storage: UnsafeMutableRawBufferPointer

    package static let width = Int(KERNEL_PANEL_WIDTH)

    /// - Parameter element: the weight of an input row for an output column.
    package init(rows: Int, columns: Int, element: (_ row: Int, _ column: Int) -> Float) {
        self.rows = rows
        self.columns = columns
        let count = (columns + Self.width - 1) / Self.width
        storage = .allocate(byteCount: max(64, count * rows * Self.width * 4), alignment: 64)
        let base = storage.baseAddress!.assumingMemoryBound(to: Float.self)
        for panel in 0..<count {
            for row in 0..<rows {
                let target = base + (panel * rows + row) * Self.width
                for lane in 0..<Self.width {
                    let column = panel * Self.width + lane
                    target[lane] = column < columns ? element(row, column) : 0
                }
            }
        }
    }

    deinit {
        storage.deallocate()
    }

    package var count: Int { (columns + Self.width - 1) / Self.width }
    package var bytes: Int { storage.count }

    package func panel(_ index: Int) -> UnsafePointer<Float> {
        UnsafePointer(storage.baseAddress!.assumingMemoryBound(to: Float.self) + index * rows * Self.width)
    }

    package func columns(in panel: Int) -> Int {
        min(Self.width, columns - panel * Self.width)
    }
}
