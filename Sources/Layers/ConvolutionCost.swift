import Compute

extension ConvolutionWay {
    /// The one of `ways` that costs least by the model below; `direct` where none of them can be taken.
    ///
    /// Batch and threads are no part of it: ways differ in rounding, and a sample's result must not depend on its company.
    ///
    /// - Parameter height: of the output.
    static func cheapest(
        of ways: Set<ConvolutionWay>, _ shape: ConvolutionShape, height: Int, width: Int
    ) -> ConvolutionWay {
        guard shape.kernel == 3, shape.stride == 1 else { return .direct }
        let work = ConvolutionWork(shape, height: height, width: width)
        var best = (way: direct, cost: ways.contains(.direct) ? work.direct : .infinity)
        for (way, parts) in [(winograd4, WinogradCost.tilesOf4), (winograd2, .tilesOf2)] where ways.contains(way) {
            let cost = work.winograd(parts)
            if cost < best.cost { best = (way, cost) }
        }
        return best.way
    }

    /// Whether pairs of bfloat16, multiplied as the definition reads, cost less than each of `ways` in fp32.
    ///
    /// Weights are packed for one of both when they are loaded, so this is asked of an output of a usual size.
    ///
    /// - Parameter extent: rows and columns of that.
    static func pairsCostLess(than ways: Set<ConvolutionWay>, _ shape: ConvolutionShape, extent: Int) -> Bool {
        let work = ConvolutionWork(shape, height: extent, width: extent)
        switch cheapest(of: ways, shape, height: extent, width: extent) {
        case .direct: return true
        case .winograd2: return work.pairs < work.winograd(.tilesOf2)
        case .winograd4: return work.pairs < work.winograd(.tilesOf4)
        }
    }
}

extension ConvolutionWay {
    /// The same question of Winograd's filtering with products of pairs, against each of `ways` in fp32 and against pairs that are
    /// multiplied as the definition reads.
    static func filteredPairsCostLess(than ways: Set<ConvolutionWay>, _ shape: ConvolutionShape, extent: Int) -> Bool {
        guard shape.kernel == 3, shape.stride == 1, shape.inputChannels % 2 == 0 else { return false }
        let work = ConvolutionWork(shape, height: extent, width: extent)
        let cost = work.filteredPairs
        switch cheapest(of: ways, shape, height: extent, width: extent) {
        case .direct: return cost < work.pairs
        case .winograd2: return cost < min(work.pairs, work.winograd(.tilesOf2))
        case .winograd4: return cost < min(work.pairs, work.winograd(.tilesOf4))
        }
    }
}

/// What the parts of Winograd's filtering cost, in multiplications with an addition that the panel kernel does meanwhile:
/// measured with AVX-512, input and output beyond the second-level cache; near enough with AVX2, where both halve.
private struct WinogradCost {
    let outputs: Int
    /// Transforming one channel of a tile's input.
    let input: Double
    /// Transforming one channel of a tile's sums, with what follows them.
    let output: Double
    /// Transforming the nine weights between two channels.
    let weight: Double

    var products: Double { Double((outputs + 2) * (outputs + 2)) }

    static let tilesOf4 = WinogradCost(outputs: 4, input: 600, output: 650, weight: 300)
    static let tilesOf2 = WinogradCost(outputs: 2, input: 320, output: 320, weight: 150)
}

private struct ConvolutionWork {
    let height: Int
    let width: Int
    let inputs: Double
    /// As many as the kernels compute: whole vectors of sixteen.
    let outputs: Double

    /// Gathering a pixel's channel; storing one, with what follows the sums.
    private static let directInput = 40.0
    private static let directOutput = 45.0
    /// Gathering a pixel's channel rounded to bfloat16.
    private static let pairInput = 45.0

    init(_ shape: ConvolutionShape, height: Int, width: Int) {
        self.height = height
        self.width = width
        inputs = Double(shape.inputChannels)
        outputs = Double((shape.outputChannels + 15) / 16 * 16)
    }

    var direct: Double {
        Double(height) * Double(width) * (9 * inputs * outputs + Self.directInput * inputs + Self.directOutput * outputs)
    }

    /// Two products take as long as one in fp32.
    var pairs: Double {
        Double(height) * Double(width) * (4.5 * inputs * outputs + Self.pairInput * inputs + Self.directOutput * outputs)
    }

    /// On tiles of 2x2: sixteen products of half a multiplication and what they wait for memory, and weights, which come from there and
    /// take more of it than pairs do.
    var filteredPairs: Double {
        let tiles = Double((height + 1) / 2) * Double((width + 1) / 2)
        return tiles * (8.5 * inputs * outputs + 120 * inputs + 200 * outputs) + 160 * inputs * outputs
    }

    func winograd(_ cost: WinogradCost) -> Double {
        func count(_ pixels: Int) -> Double { Double((pixels + cost.outputs - 1) / cost.outputs) }
        let tile = cost.products * inputs * outputs + cost.input * inputs + cost.output * outputs
        return count(height) * count(width) * tile + cost.weight * inputs * outputs
    }
}
