import Checkpoints
import Compute
import RestorationUNet
import TestSupport
import Testing

/// What rounding in fp32 adds up to over a whole network, against the same network in double precision.
@Suite("Rounding of a whole network")
struct NetworkRoundingTests {
    private static let folder = ParityFolder(root: ParityFolder.compactSubset)

    @Test("ways to convolve round at most four times as much as the direct one", arguments: Workspace.kernelSetNames)
    func ways(kernels: String) throws {
        let network = try NetworkFixtures.network("unet_a", weights: "unet_a.safetensors")
        let (samples, height, width) = try NetworkFixtures.samples(
            StateDict(contentsOf: Self.folder.path("unet_a_io_53x37_b1.safetensors")))
        let exact = try exactOutput()
        func error(_ ways: Set<ConvolutionWay>) -> Double {
            let workspace = Workspace(threads: 2, kernels: kernels)
            workspace.convolutionWays = ways
            let output = network(samples, height: height, width: width, in: workspace)
            let found = NetworkFixtures.channelsFirst(output.flatMap(\.self), samples.count, height, width)
            let squares = zip(found, exact).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
            return (squares / Double(exact.count)).squareRoot()
        }
        let direct = error([.direct])
        #expect(direct > 0)
        for ways in [Set(ConvolutionWay.allCases), [.winograd2], [.winograd4]] {
            let found = error(ways)
            #expect(found <= 4 * direct, "\(kernels), \(ways): \(found), direct \(direct)")
        }
    }

    /// Each number is stored as two floats.
    private func exactOutput() throws -> [Double] {
        let recorded = try StateDict(contentsOf: Self.folder.path("unet_a_double_53x37_b1.safetensors"))
        let high = try #require(recorded["output"]).floats()
        let rest = try #require(recorded["output.rest"]).floats()
        return zip(high, rest).map { Double($0) + Double($1) }
    }
}
