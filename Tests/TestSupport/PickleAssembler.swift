/// Puts pickles together, opcode by opcode.
package struct PickleAssembler {
    package var bytes: [UInt8]

    package init(protocolVersion: UInt8 = 2) { bytes = [0x80, protocolVersion] }

    /// Opcodes that are printable characters, and raw arguments.
    package mutating func raw(_ text: String) { bytes += Array(text.utf8) }

    package mutating func raw(_ values: [UInt8]) { bytes += values }

    package mutating func global(_ module: String, _ name: String) { raw("c\(module)\n\(name)\n") }

    package mutating func text(_ text: String) {
        raw("X")
        number(UInt32(text.utf8.count))
        raw(text)
    }

    /// A whole number: four bytes where they do, else eight.
    package mutating func integer(_ value: Int) {
        if let small = Int32(exactly: value) {
            raw("J")
            number(small)
        } else {
            raw([0x8A, 8])
            number(Int64(value))
        }
    }

    package mutating func number(_ value: some FixedWidthInteger) {
        var writer = ByteWriter()
        writer.append(value)
        raw(writer.bytes)
    }

    package mutating func tuple(_ values: [Int]) {
        raw("(")
        for value in values { integer(value) }
        raw("t")
    }

    package mutating func emptyOrderedDictionary() {
        global("collections", "OrderedDict")
        raw(")R")
    }

    /// A storage, as `torch.save` refers to it.
    package mutating func storage(_ tensor: PickledView) {
        raw("(")
        text(tensor.identifier)
        global(tensor.module, tensor.storageClass)
        text(tensor.key)
        text("cpu")
        integer(tensor.storageCount)
        raw("tQ")
    }

    /// A tensor, as `torch.save` writes it.
    package mutating func tensor(_ tensor: PickledView) {
        global("torch._utils", "_rebuild_tensor_v2")
        raw("(")
        storage(tensor)
        integer(tensor.offset)
        tuple(tensor.shape)
        tuple(tensor.strides)
        raw([0x89])
        emptyOrderedDictionary()
        raw("tR")
    }

    /// An ordered dictionary of tensors.
    package mutating func stateDictionary(_ entries: [(name: String, tensor: PickledView)]) {
        emptyOrderedDictionary()
        raw("(")
        for entry in entries {
            text(entry.name)
            tensor(entry.tensor)
        }
        raw("u")
    }

    /// A whole pickle.
    package static func assemble(_ body: (inout PickleAssembler) -> Void) -> [UInt8] {
        var pickle = PickleAssembler()
        body(&pickle)
        pickle.raw(".")
        return pickle.bytes
    }
}

/// A tensor as a pickle claims it to be.
package struct PickledView {
    package var key = "0"
    package var storageCount = 6
    package var offset = 0
    package var shape = [2, 3]
    package var strides = [3, 1]
    package var module = "torch"
    package var storageClass = "FloatStorage"
    package var identifier = "storage"

    package init() {}

    package init(_ change: (inout PickledView) -> Void) { change(&self) }
}
