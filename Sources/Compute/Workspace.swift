package import CKernels
import CSystem

/// What a network needs to compute: threads, memory for activations and the processor's kernels.
///
/// Used by one thread at a time (the one that runs the evaluation).
package final class Workspace {
    package let team: ThreadTeam
    package let pool: BufferPool
    package let kernels: kernel_set
    /// Where set, told what each operation took.
    package var meter: OperationMeter?
    /// What convolutions in fp32 choose their way from, by cost. All but where tests and benchmarks compare ways.
    package var convolutionWays = Set(ConvolutionWay.allCases)

    /// - Parameters:
    ///   - threads: threads an evaluation, at least 1.
    ///   - kernels: the name of an instruction set, for tests; the processor's best where nil or unknown.
    package init(threads: Int, kernels name: String? = nil) {
        _ = Self.singleThreadedBLAS
        team = ThreadTeam(size: threads)
        pool = BufferPool()
        kernels = Self.kernelSet(named: name)
    }

    package func tensor(batch: Int, height: Int = 1, width: Int, channels: Int) -> Tensor {
        Tensor(batch: batch, height: height, width: width, channels: channels, pool: pool)
    }

    /// Scratch memory for each thread of the team: `floats` apiece.
    package func scratch(floats: Int) -> Scratch {
        let padded = (floats + 15) / 16 * 16
        return Scratch(memory: tensor(batch: 1, width: team.size, channels: padded), stride: padded)
    }

    /// Carries out an operation's work, on the meter where there is one.
    package func metered(_ layer: @autoclosure () -> OperationMeter.Layer, _ work: () -> Void) {
        guard let meter else { return work() }
        let start = ContinuousClock.now
        work()
        meter.add(layer(), duration: .now - start)
    }

    package struct Scratch {
        package let memory: Tensor
        package let stride: Int

        package subscript(thread: Int) -> UnsafeMutablePointer<Float> { memory.base + thread * stride }
    }

    /// The instruction sets that this processor runs, fastest first.
    package static var kernelSetNames: [String] {
        var names: [String] = []
        while let set = kernel_set_at(names.count) { names.append(String(cString: set.pointee.name)) }
        return names
    }

    /// Whether this processor has instructions for products of bfloat16.
    package static var multipliesPairs: Bool { kernel_set_best().pointee.multiplies_pairs != 0 }

    /// The core type that OpenBLAS chose when it was loaded (`OPENBLAS_CORETYPE` overrides it).
    package static var blasCoreName: String { String(cString: openblas_get_corename()) }

    /// Threads of an evaluation: those asked for, or as many as the system gave.
    package var threads: Int { team.size }

    package var kernelSetName: String { String(cString: kernels.name) }

    /// The team's threads call OpenBLAS one by one; threads of its own would only get in their way.
    private static let singleThreadedBLAS: Void = openblas_set_num_threads(1)

    private static func kernelSet(named name: String?) -> kernel_set {
        var index = 0
        while let name, let set = kernel_set_at(index) {
            if String(cString: set.pointee.name) == name { return set.pointee }
            index += 1
        }
        return kernel_set_best().pointee
    }
}
