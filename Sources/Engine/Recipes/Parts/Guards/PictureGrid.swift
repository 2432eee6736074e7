import Images

/// A picture as a grid of square cells, each with its darkest, its brightest and its mean value a channel: what the guards
/// look at. There are about 256 cells along the longer side, and of each four to seven rows of pixels are read, so that a
/// photograph of 12 megapixels takes some milliseconds.
struct PictureGrid {
    /// Across and down, without the incomplete cells at the right and the bottom.
    let columns: Int
    let rows: Int
    /// Three a cell, red first, row by row.
    private(set) var darkest: [UInt8]
    private(set) var brightest: [UInt8]
    private(set) var mean: [UInt8]
    /// Cells with pixels that nobody sees; empty where all are opaque. Nothing is told from what was filled in there.
    private var isHidden: [Bool]

    private static let cellsAlongLongerSide = 256
    /// A cell of a single pixel would always be plain.
    private static let leastCellSide = 2
    /// Along the shorter side, of a picture that is not tiny.
    private static let leastCellsAcross = 4
    private static let rowsReadOfCell = 4

    init(_ picture: Picture) {
        let longer = max(picture.width, picture.height)
        let side = max(
            Self.leastCellSide,
            min(
                (longer + Self.cellsAlongLongerSide - 1) / Self.cellsAlongLongerSide,
                min(picture.width, picture.height) / Self.leastCellsAcross))
        columns = picture.width / side
        rows = picture.height / side
        darkest = [UInt8](repeating: 255, count: 3 * columns * rows)
        brightest = [UInt8](repeating: 0, count: 3 * columns * rows)
        mean = [UInt8](repeating: 0, count: 3 * columns * rows)
        isHidden = picture.hasHiddenPixels ? [Bool](repeating: false, count: columns * rows) : []
        let step = max(1, side / Self.rowsReadOfCell)
        let readRows = Array(stride(from: 0, to: side, by: step))
        var sums = [UInt32](repeating: 0, count: 3 * columns)
        for row in 0..<rows {
            for line in readRows {
                add(picture, line: row * side + line, side: side, toRow: row, &sums)
                if !isHidden.isEmpty { hide(picture, line: row * side + line, side: side, inRow: row) }
            }
            let count = UInt32(readRows.count * side)
            for index in sums.indices {
                mean[3 * columns * row + index] = UInt8(truncatingIfNeeded: (sums[index] + count / 2) / count)
                sums[index] = 0
            }
        }
    }

    private mutating func add(
        _ picture: Picture, line: Int, side: Int, toRow row: Int, _ sums: inout [UInt32]
    ) {
        let (columns, first, start) = (columns, 3 * columns * row, 3 * picture.width * line)
        picture.pixels.withUnsafeBufferPointer { pixels in
            darkest.withUnsafeMutableBufferPointer { darkest in
                brightest.withUnsafeMutableBufferPointer { brightest in
                    sums.withUnsafeMutableBufferPointer { sums in
                        var source = start
                        for column in 0..<columns {
                            for _ in 0..<side {
                                for channel in 0..<3 {
                                    let value = pixels[source + channel]
                                    let cell = 3 * column + channel
                                    darkest[first + cell] = min(darkest[first + cell], value)
                                    brightest[first + cell] = max(brightest[first + cell], value)
                                    sums[cell] &+= UInt32(value)
                                }
                                source += 3
                            }
                        }
                    }
                }
            }
        }
    }

    private mutating func hide(_ picture: Picture, line: Int, side: Int, inRow row: Int) {
        for column in 0..<columns {
            let pixels = line * picture.width + column * side..<line * picture.width + (column + 1) * side
            if pixels.contains(where: picture.isHidden) { isHidden[row * columns + column] = true }
        }
    }

    var count: Int { columns * rows }

    func isVisible(_ cell: Int) -> Bool { isHidden.isEmpty || !isHidden[cell] }

    /// Between a cell's darkest and brightest pixel, in the channel where that is most.
    func range(ofCell cell: Int) -> Int {
        (3 * cell..<3 * cell + 3).reduce(0) { max($0, Int(brightest[$1]) - Int(darkest[$1])) }
    }

    /// Whether all pixels of a cell are visible and of exactly one colour.
    func isPlain(_ cell: Int) -> Bool { range(ofCell: cell) == 0 && isVisible(cell) }

    /// Its darkest values, as one number.
    func colour(ofCell cell: Int) -> Int {
        Int(darkest[3 * cell]) << 16 | Int(darkest[3 * cell + 1]) << 8 | Int(darkest[3 * cell + 2])
    }

    /// Its mean, in the channel where that is most.
    func brightness(ofCell cell: Int) -> Int {
        (3 * cell..<3 * cell + 3).reduce(0) { max($0, Int(mean[$1])) }
    }

    /// Between the means of a cell here and in a grid of a picture of the same size, in the channel where that is most.
    func shift(ofCell cell: Int, to other: PictureGrid) -> Int {
        (3 * cell..<3 * cell + 3).reduce(0) { max($0, abs(Int(mean[$1]) - Int(other.mean[$1]))) }
    }

    /// The cells around one, as far as there are any: up to eight.
    func neighbours(ofCell cell: Int) -> [Int] {
        let (row, column) = (cell / columns, cell % columns)
        var found: [Int] = []
        for y in max(0, row - 1)...min(rows - 1, row + 1) {
            for x in max(0, column - 1)...min(columns - 1, column + 1) where (y, x) != (row, column) {
                found.append(y * columns + x)
            }
        }
        return found
    }
}
