/// Bicubic resampling (Keys, 1981, a = -0.5) with antialiasing and 8-bit fixed point, the same bytes as Pillow's:
/// weights are rounded to 22 fractional bits, and the horizontal pass is rounded to bytes before the vertical one.
struct BicubicResampling {
    /// The part of the output that is wanted; only the input rows and columns it needs are looked at.
    let columns: Range<Int>
    let rows: Range<Int>
    private let horizontal: ResamplingWeights?
    private let vertical: ResamplingWeights?
    private let inputWidth: Int

    /// - Precondition: sides are positive and the window lies inside the output.
    init(
        from input: (width: Int, height: Int), to output: (width: Int, height: Int), columns: Range<Int>,
        rows: Range<Int>
    ) {
        precondition(input.width > 0 && input.height > 0)
        precondition(columns.lowerBound >= 0 && columns.upperBound <= output.width)
        precondition(rows.lowerBound >= 0 && rows.upperBound <= output.height)
        (self.columns, self.rows, inputWidth) = (columns, rows, input.width)
        // A pass that keeps the size would keep every byte: it is skipped.
        horizontal = input.width == output.width
            ? nil : ResamplingWeights(input: input.width, output: output.width, window: columns)
        vertical = input.height == output.height
            ? nil : ResamplingWeights(input: input.height, output: output.height, window: rows)
    }

    /// Rows that one thread takes at a time.
    private static let band = 16

    /// Resamples interleaved RGB bytes; the result is the window, row by row, whichever threads share the loops.
    ///
    /// - Parameter shouldContinue: asked before each band, by whichever thread; once false, it stays so.
    /// - Throws: `cancelled`.
    func callAsFunction(
        _ bytes: [UInt8], sharedBy loop: Picture.ParallelLoop, shouldContinue: @escaping () -> Bool
    ) throws(ImageError) -> [UInt8] {
        let neededRows = vertical?.inputRange ?? rows
        let squeezed = narrow(bytes, rows: neededRows, loop, shouldContinue)
        let flat = flatten(squeezed, firstRow: neededRows.lowerBound, loop, shouldContinue)
        guard shouldContinue() else { throw .cancelled }
        return flat
    }

    private var outputRowBytes: Int { columns.count * 3 }

    /// Fills rows of output bytes, a band at a time, as long as it should.
    private func filled(
        rows count: Int, _ loop: Picture.ParallelLoop, _ shouldContinue: @escaping () -> Bool,
        _ fill: (Range<Int>, UnsafeMutablePointer<UInt8>) -> Void
    ) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count * outputRowBytes) { output, written in
            written = count * outputRowBytes
            guard let target = output.baseAddress else { return }
            withoutActuallyEscaping(fill) { fill in
                loop((count + Self.band - 1) / Self.band) { item in
                    guard shouldContinue() else { return }
                    let rows = item * Self.band..<min(count, (item + 1) * Self.band)
                    fill(rows, target + rows.lowerBound * outputRowBytes)
                }
            }
        }
    }

    /// The horizontal pass over the needed rows.
    private func narrow(
        _ bytes: [UInt8], rows: Range<Int>, _ loop: Picture.ParallelLoop, _ shouldContinue: @escaping () -> Bool
    ) -> [UInt8] {
        bytes.withUnsafeBufferPointer { input in
            filled(rows: rows.count, loop, shouldContinue) { band, target in
                guard let source = input.baseAddress else { return }
                for (index, row) in band.enumerated() {
                    let line = source + (rows.lowerBound + row) * inputWidth * 3
                    if let horizontal {
                        horizontal.narrow(line, into: target + index * outputRowBytes)
                    } else {
                        (target + index * outputRowBytes).update(
                            from: line + columns.lowerBound * 3, count: outputRowBytes)
                    }
                }
            }
        }
    }

    /// The vertical pass; `firstRow` is the number of the first row in `bytes`.
    private func flatten(
        _ bytes: [UInt8], firstRow: Int, _ loop: Picture.ParallelLoop, _ shouldContinue: @escaping () -> Bool
    ) -> [UInt8] {
        guard let vertical else { return bytes }
        return bytes.withUnsafeBufferPointer { input in
            filled(rows: rows.count, loop, shouldContinue) { band, target in
                guard let source = input.baseAddress else { return }
                vertical.flatten(source, firstRow: firstRow, positions: band, into: target, rowBytes: outputRowBytes)
            }
        }
    }
}

/// For each wanted output position along one side, the first input position it draws on and a weight for each from
/// there on, in units of 2^-22.
package struct ResamplingWeights {
    private let firsts: [Int]
    private let counts: [Int]
    private let weights: [Int32]
    /// Weights kept for each position, used or not.
    private let stride: Int
    /// All input positions that any wanted output draws on.
    let inputRange: Range<Int>

    private static let fractionBits: Int32 = 22
    private static let half: Int32 = 1 << 21

    /// How much a neighbour counts by its distance.
    package struct Filter {
        /// Beyond this distance nothing counts.
        let support: Double
        let weight: (_ offset: Double) -> Double

        package init(support: Double, weight: @escaping (_ offset: Double) -> Double) {
            self.support = support
            self.weight = weight
        }

        /// Keys, 1981, with a = -0.5.
        package static var bicubic: Filter {
            Filter(support: 2) { offset in
                let a = -0.5, x = abs(offset)
                if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
                if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
                return 0
            }
        }
    }

    /// - Parameter box: what of the input becomes the output, with fractions; neighbours outside of it count as well. Nil for
    ///   all.
    package init(
        input: Int, output: Int, window: Range<Int>, filter: Filter = .bicubic,
        box: (start: Double, length: Double)? = nil
    ) {
        let (start, length) = box ?? (0, Double(input))
        let scale = length / Double(output)
        let filterScale = max(scale, 1), reciprocal = 1 / filterScale
        let support = filter.support * filterScale
        let stride = Int(support.rounded(.up)) * 2 + 1
        var firsts: [Int] = [], counts: [Int] = []
        var weights = [Int32](repeating: 0, count: window.count * stride)
        var raw = [Double](repeating: 0, count: stride)
        for (index, position) in window.enumerated() {
            let centre = start + (Double(position) + 0.5) * scale
            let first = max(0, Int(centre - support + 0.5))
            let count = min(input, Int(centre + support + 0.5)) - first
            var sum = 0.0
            for tap in 0..<count {
                raw[tap] = filter.weight((Double(tap + first) - centre + 0.5) * reciprocal)
                sum += raw[tap]
            }
            for tap in 0..<count {
                let share = sum == 0 ? raw[tap] : raw[tap] / sum
                weights[index * stride + tap] = Int32((share * 4_194_304).rounded(.toNearestOrAwayFromZero))
            }
            firsts.append(first)
            counts.append(count)
        }
        (self.firsts, self.counts, self.weights, self.stride) = (firsts, counts, weights, stride)
        let end = zip(firsts, counts).map { $0 + $1 }.max() ?? 0
        inputRange = (firsts.min() ?? end)..<end
    }

    private static func byte(_ sum: Int32) -> UInt8 { UInt8(truncatingIfNeeded: min(255, max(0, sum >> fractionBits))) }

    /// One row: each wanted column from its neighbours along the row.
    package func narrow(_ line: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>) {
        weights.withUnsafeBufferPointer { weights in
            for position in 0..<firsts.count {
                let own = UnsafeBufferPointer(rebasing: weights[position * stride..<position * stride + counts[position]])
                Self.sumColours(line + firsts[position] * 3, weights: own, into: target + position * 3)
            }
        }
    }

    /// The three channels side by side: most pictures of many megapixels spend their shrinking here.
    private static func sumColours(
        _ source: UnsafePointer<UInt8>, weights: UnsafeBufferPointer<Int32>, into target: UnsafeMutablePointer<UInt8>
    ) {
        var red = half, green = half, blue = half, source = source
        for weight in weights {
            red &+= weight &* Int32(source[0])
            green &+= weight &* Int32(source[1])
            blue &+= weight &* Int32(source[2])
            source += 3
        }
        (target[0], target[1], target[2]) = (byte(red), byte(green), byte(blue))
    }

    /// Whole rows: each of these as a weighted sum of its neighbours, added row by row so that memory is walked
    /// in order.
    package func flatten(
        _ source: UnsafePointer<UInt8>, firstRow: Int, positions: Range<Int>, into target: UnsafeMutablePointer<UInt8>,
        rowBytes: Int
    ) {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: rowBytes) { sums in
            for position in positions {
                sums.update(repeating: Self.half)
                for tap in 0..<counts[position] {
                    let line = source + (firsts[position] + tap - firstRow) * rowBytes
                    let weight = weights[position * stride + tap]
                    var index = 0
                    while index < rowBytes {
                        sums[index] &+= weight &* Int32(line[index])
                        index &+= 1
                    }
                }
                let row = target + (position - positions.lowerBound) * rowBytes
                for index in 0..<rowBytes { row[index] = Self.byte(sums[index]) }
            }
        }
    }
}
