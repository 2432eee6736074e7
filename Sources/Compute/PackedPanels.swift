package import CKernels

/// The weights of a linear map, packed for the kernels: panels of 32 output columns, each `rows` deep, the last one
/// padded with zeros. Immutable, so any number of evaluations can share it.
package final class PackedPanels: @unchecked Sendable {
    // Sendable: written in `init` only.

    /// What a row of a panel holds: 32 bits a column, or 16.
    package enum Form: Sendable {
        /// A weight in fp32.
        case single
        /// Two weights of neighbouring inputs in bfloat16, the earlier in the lower half.
        case pairs
        /// A weight in bfloat16, for those who widen it where they use it.
        case halves
        /// Of a 3x3 convolution, transformed for Winograd's filtering on tiles of 2x2 outputs: for each of the 16 positions two
        /// weights of neighbouring inputs in bfloat16, as `pairs`.
        case filtered

        var bytesOfColumn: Int { self == .halves ? 2 : 4 }
    }

    package let form: Form
    package let rows: Int
    package let columns: Int
    private let storage: UnsafeMutableRawBufferPointer

    package static let width = Int(KERNEL_PANEL_WIDTH)

    /// Packs weights a panel at a time, whatever they are stored as.
    ///
    /// - Parameters:
    ///   - taps: of a kernel's area; rows are ordered by tap, then by input.
    ///   - read: gives the weights of some outputs: for each output and input all taps.
    package init(
        inputs: Int, taps: Int = 1, outputs: Int, form: Form,
        read: (_ outputs: Range<Int>, _ weights: UnsafeMutablePointer<Float>) -> Void
    ) {
        self.form = form
        precondition(form != .filtered || taps == 9)
        rows = (form == .filtered ? 16 : taps) * form.elements(of: inputs)
        columns = outputs
        let (count, rows) = ((outputs + Self.width - 1) / Self.width, rows)
        let panelBytes = rows * Self.width * form.bytesOfColumn
        storage = .allocate(byteCount: max(64, count * panelBytes), alignment: 64)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: max(1, Self.width * inputs * taps)) { weights in
            guard let source = weights.baseAddress, let base = storage.baseAddress else { return }
            for panel in 0..<count {
                let range = panel * Self.width..<min(outputs, (panel + 1) * Self.width)
                let target = base + panel * panelBytes
                read(range, source)
                switch form {
                case .single:
                    kernel_pack_panel(
                        source, inputs * taps, range.count, inputs, taps, target.assumingMemoryBound(to: Float.self))
                case .pairs:
                    kernel_pack_pairs(
                        source, inputs * taps, range.count, inputs, taps, target.assumingMemoryBound(to: UInt32.self))
                case .halves:
                    kernel_pack_halves(
                        source, inputs * taps, range.count, inputs, taps, target.assumingMemoryBound(to: UInt16.self))
                case .filtered:
                    withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.width * inputs * taps) { panel in
                        guard let panel = panel.baseAddress else { return }
                        kernel_pack_panel(source, inputs * taps, range.count, inputs, taps, panel)
                        kernel_pack_filtered(panel, inputs, target.assumingMemoryBound(to: UInt32.self))
                    }
                }
            }
        }
    }

    deinit {
        storage.deallocate()
    }

    package var count: Int { (columns + Self.width - 1) / Self.width }
    package var bytes: Int { storage.count }

    /// A panel's rows: floats, or pairs that a `kernel_panel` takes for floats.
    package func panel(_ index: Int) -> UnsafePointer<Float> {
        UnsafePointer(storage.baseAddress!.assumingMemoryBound(to: Float.self) + index * rows * Self.width)
    }

    /// A panel's rows in the form of halves.
    package func halves(ofPanel index: Int) -> UnsafePointer<UInt16> {
        precondition(form == .halves)
        return UnsafePointer(storage.baseAddress!.assumingMemoryBound(to: UInt16.self) + index * rows * Self.width)
    }

    package func columns(in panel: Int) -> Int {
        min(Self.width, columns - panel * Self.width)
    }
}

extension PackedPanels.Form {
    /// Elements of 32 bits that so many neighbouring values take.
    package func elements(of values: Int) -> Int {
        switch self {
        case .pairs, .filtered: (values + 1) / 2
        case .single, .halves: values
        }
    }
}

extension kernel_set {
    /// The product of operands and weights of one form.
    package func multiply(_ job: inout kernel_panel, _ form: PackedPanels.Form) {
        switch form {
        case .single: panel(&job)
        case .pairs: pair_panel(&job)
        case .halves, .filtered:
            // No layer gets here: only convolutions by Winograd's filtering store them, and those go their own way.
            preconditionFailure("weights that convolutions alone multiply")
        }
    }

    /// Rounds rows of values to pairs of bfloat16, a zero beside the last of an odd number. May be done in place: a row's
    /// pairs then begin where the row does, or before.
    ///
    /// - Parameters:
    ///   - stride: between the rows' beginnings, in floats.
    ///   - targetStride: between those of the pairs' rows, in pairs.
    package func narrowRows(
        _ values: UnsafePointer<Float>, stride: Int, to pairs: UnsafeMutablePointer<Float>, targetStride: Int, rows: Int,
        width: Int
    ) {
        let target = UnsafeMutableRawPointer(pairs).assumingMemoryBound(to: UInt16.self)
        narrow(values, stride, target, 2 * targetStride, rows, width)
    }
}
