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
    /// Of a row, those that are used.
    private let columns: Range<Int>
    /// The first row that is used.
    private let first: Int
    /// Of a whole row.
    private let stride: Int
    private let source: Source

    private init(outputs: Int, columns: Range<Int>, first: Int, stride: Int, source: Source) {
        self.outputs = outputs
        self.columns = columns
        self.first = first
        self.stride = stride
        self.source = source
    }

    /// - Precondition: the values divide into the outputs.
    package init(_ values: [Float], outputs: Int) {
        precondition(outputs > 0 && values.count % outputs == 0)
        let stride = values.count / outputs
        self.init(outputs: outputs, columns: 0..<stride, first: 0, stride: stride, source: .values(values))
    }

    /// Of tensors whose first dimension is the outputs, one below the other.
    ///
    /// - Precondition: each has one, and all have rows of one length.
    package init(_ tensors: [StoredTensor]) {
        let stride = tensors.first.map { $0.shape.dropFirst().reduce(1, *) } ?? 0
        precondition(tensors.allSatisfy { $0.elementCount == $0.shape[0] * stride })
        self.init(
            outputs: tensors.reduce(0) { $0 + $1.shape[0] }, columns: 0..<stride, first: 0, stride: stride,
            source: .stored(tensors))
    }

    /// Some of the outputs.
    ///
    /// - Precondition: there are such.
    func part(outputs rows: Range<Int>) -> WeightMatrix {
        precondition(rows.lowerBound >= 0 && rows.upperBound <= outputs)
        return WeightMatrix(
            outputs: rows.count, columns: columns, first: first + rows.lowerBound, stride: stride, source: source)
    }

    /// What all outputs take from some of the inputs.
    ///
    /// - Parameter places: of a row: an input's are its taps.
    /// - Precondition: a row has such.
    func part(columns places: Range<Int>) -> WeightMatrix {
        precondition(places.lowerBound >= 0 && places.upperBound <= columns.count)
        let start = columns.lowerBound + places.lowerBound
        return WeightMatrix(
            outputs: outputs, columns: start..<start + places.count, first: first, stride: stride, source: source)
    }

    private var width: Int { columns.count }

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
        if width == stride { return readWhole(first + rows.lowerBound..<first + rows.upperBound, into: target) }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: stride) { whole in
            guard let whole = whole.baseAddress else { return }
            for (index, row) in rows.enumerated() {
                readWhole(first + row..<first + row + 1, into: whole)
                (target + index * width).update(from: whole + columns.lowerBound, count: width)
            }
        }
    }

    /// Whole rows of the source.
    private func readWhole(_ rows: Range<Int>, into target: UnsafeMutablePointer<Float>) {
        switch source {
        case .values(let values):
            values.withUnsafeBufferPointer { values in
                guard let start = values.baseAddress else { return }
                target.update(from: start + rows.lowerBound * stride, count: rows.count * stride)
            }
        case .stored(let tensors):
            var first = 0
            for tensor in tensors {
                let part = rows.clamped(to: first..<first + tensor.shape[0])
                if !part.isEmpty {
                    tensor.read(
                        (part.lowerBound - first) * stride..<(part.upperBound - first) * stride,
                        into: target + (part.lowerBound - rows.lowerBound) * stride)
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
