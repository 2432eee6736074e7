package import Checkpoints
import Compute

/// The weights of a linear map on their way to `PackedPanels`: a row an output, each as long as the inputs times the taps of
/// a kernel's area. What a checkpoint holds is read a few rows at a time and never stands in memory whole.
package struct WeightMatrix {
    private enum Source {
        case values([Float])
        case stored([StoredTensor])
    }

    package let outputs: Int
    private let width: Int
    private let source: Source

    /// - Precondition: the values divide into the outputs.
    package init(_ values: [Float], outputs: Int) {
        precondition(outputs > 0 && values.count % outputs == 0)
        self.outputs = outputs
        width = values.count / outputs
        source = .values(values)
    }

    /// Of tensors whose first dimension is the outputs, one below the other.
    ///
    /// - Precondition: each has one, and all have rows of one length.
    package init(_ tensors: [StoredTensor]) {
        outputs = tensors.reduce(0) { $0 + $1.shape[0] }
        width = tensors.first.map { $0.shape.dropFirst().reduce(1, *) } ?? 0
        source = .stored(tensors)
        precondition(tensors.allSatisfy { $0.elementCount == $0.shape[0] * width })
    }

    var count: Int { outputs * width }

    /// All of them.
    var values: [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initialised in
            if let start = buffer.baseAddress { read(0..<outputs, into: start) }
            initialised = count
        }
    }

    /// The weights of some outputs.
    func read(_ rows: Range<Int>, into target: UnsafeMutablePointer<Float>) {
        switch source {
        case .values(let values):
            values.withUnsafeBufferPointer { values in
                guard let start = values.baseAddress else { return }
                target.update(from: start + rows.lowerBound * width, count: rows.count * width)
            }
        case .stored(let tensors):
            var first = 0
            for tensor in tensors {
                let part = rows.clamped(to: first..<first + tensor.shape[0])
                if !part.isEmpty {
                    tensor.read(
                        (part.lowerBound - first) * width..<(part.upperBound - first) * width,
                        into: target + (part.lowerBound - rows.lowerBound) * width)
                }
                first += tensor.shape[0]
            }
        }
    }

    /// To be called once they are packed: weights stand beside what they were made of for no longer than that takes.
    func leaveMemory() {
        if case .stored(let tensors) = source { tensors.forEach { $0.leaveMemory() } }
    }
}

extension PackedPanels.Form {
    init(_ precision: Precision) {
        self = precision == .bf16 ? .pairs : .single
    }
}
