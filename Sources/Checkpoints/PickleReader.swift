/// Reads a protocol 2 pickle as `torch.save` writes it, without running anything: a stack machine that builds inert
/// values. Opcodes and sizes beyond what such files need are refused, and names beyond that stand for nothing; every length is
/// checked against the bytes that remain before anything is allocated.
package struct PickleReader {
    private let bytes: CheckpointBytes
    private let end: Int
    private var position: Int
    private var stack: [PickleValue] = []
    /// Heights of the stack at which marks stand.
    private var marks: [Int] = []
    private var memo: [PickleValue] = []
    private var document: PickleDocument
    private var budget: ParsingBudget

    /// Reads the pickle that fills this range.
    static func read(
        _ bytes: CheckpointBytes, in range: Range<Int>, budget: inout ParsingBudget
    ) throws(CheckpointError) -> PickleDocument {
        guard range.count <= CheckpointLimits.pickleBytes else {
            throw .overLimit("bytes of data.pkl", limit: CheckpointLimits.pickleBytes)
        }
        guard range.upperBound <= UInt32.max else {
            throw .malformedArchive("data.pkl lies beyond the first 4 GiB; PyTorch puts it first")
        }
        var reader = PickleReader(bytes, in: range, budget: budget)
        try reader.run()
        budget = reader.budget
        return reader.document
    }

    /// Reads a pickle on its own.
    package static func read(_ bytes: CheckpointBytes) throws(CheckpointError) -> PickleDocument {
        var budget = ParsingBudget()
        return try read(bytes, in: 0..<bytes.count, budget: &budget)
    }

    private init(_ bytes: CheckpointBytes, in range: Range<Int>, budget: ParsingBudget) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
        document = PickleDocument(bytes: bytes)
        self.budget = budget
    }

    private mutating func run() throws(CheckpointError) {
        guard try byte() == 0x80, try byte() == 2 else { throw fault("it doesn't begin as protocol 2 does") }
        while true {
            let code = try byte()
            if code == UInt8(ascii: ".") { break }
            guard let operation = Operation(rawValue: code) else {
                throw fault("the operation \(Self.describe(code)) is not allowed")
            }
            try perform(operation)
        }
        guard position == end else { throw fault("\(end - position) bytes follow its end") }
        for value in stack where stack.count > 1 { try document.checkIsKnown(value) }
        guard stack.count == 1, marks.isEmpty else {
            throw fault("\(stack.count) values are left at its end, expected 1")
        }
        document.root = stack[0]
    }

    /// What a pickle may do.
    private enum Operation: UInt8 {
        case global = 0x63  // c
        case binaryPut = 0x71  // q
        case longBinaryPut = 0x72  // r
        case binaryGet = 0x68  // h
        case longBinaryGet = 0x6A  // j
        case mark = 0x28  // (
        case emptyDictionary = 0x7D  // }
        case emptyList = 0x5D  // ]
        case emptyTuple = 0x29  // )
        case tuple = 0x74  // t
        case tuple1 = 0x85
        case tuple2 = 0x86
        case tuple3 = 0x87
        case none = 0x4E  // N
        case newTrue = 0x88
        case newFalse = 0x89
        case binaryInteger = 0x4A  // J
        case binaryInteger1 = 0x4B  // K
        case binaryInteger2 = 0x4D  // M
        case long1 = 0x8A
        case binaryFloat = 0x47  // G
        case binaryUnicode = 0x58  // X
        case shortBinaryString = 0x55  // U
        case binaryPersistentID = 0x51  // Q
        case reduce = 0x52  // R
        case newObject = 0x81
        case build = 0x62  // b
        case append = 0x61  // a
        case appends = 0x65  // e
        case setItem = 0x73  // s
        case setItems = 0x75  // u
    }

    private mutating func perform(_ operation: Operation) throws(CheckpointError) {
        switch operation {
        case .global: try push(try global())
        case .binaryPut: try memorise(at: Int(try byte()))
        case .longBinaryPut: try memorise(at: Int(try word()))
        case .binaryGet: try push(try recall(Int(try byte())))
        case .longBinaryGet: try push(try recall(Int(try word())))
        case .mark:
            try checkDepth()
            marks.append(stack.count)
        case .emptyDictionary: try push(.dictionary(try container([])))
        case .emptyList: try push(.list(try container([])))
        case .emptyTuple: try push(.tuple(try container([])))
        case .tuple: try push(.tuple(try container(try popToMark())))
        case .tuple1: try pushTuple(1)
        case .tuple2: try pushTuple(2)
        case .tuple3: try pushTuple(3)
        case .none: try push(.none)
        case .newTrue: try push(.boolean(true))
        case .newFalse: try push(.boolean(false))
        case .binaryInteger: try push(.integer(Int64(Int32(bitPattern: try word()))))
        case .binaryInteger1: try push(.integer(Int64(try byte())))
        case .binaryInteger2: try push(.integer(Int64(try byte()) | Int64(try byte()) << 8))
        case .long1: try push(.integer(try long()))
        case .binaryFloat: try push(.real(try real()))
        case .binaryUnicode: try push(try text(length: Int(try word())))
        case .shortBinaryString: try push(try text(length: Int(try byte())))
        case .binaryPersistentID: try push(try storage(try pop()))
        case .reduce: try reduce()
        case .newObject: try makeObject()
        case .build: try build()
        case .append: try append([try pop()])
        case .appends: try append(try popToMark())
        case .setItem:
            let value = try pop(), key = try pop()
            try setItems([key, value])
        case .setItems: try setItems(try popToMark())
        }
    }
}

// MARK: - Bytes

extension PickleReader {
    private func fault(_ detail: String) -> CheckpointError { .refusedPickle("byte \(position): \(detail)") }

    private mutating func byte() throws(CheckpointError) -> UInt8 {
        guard position < end, let byte = bytes.byte(at: position) else { throw fault("it ends too early") }
        position += 1
        return byte
    }

    private mutating func word() throws(CheckpointError) -> UInt32 {
        guard end - position >= 4, let value = bytes.littleEndian(UInt32.self, at: position) else {
            throw fault("it ends too early")
        }
        position += 4
        return value
    }

    private mutating func real() throws(CheckpointError) -> Double {
        guard end - position >= 8, let value = bytes.littleEndian(UInt64.self, at: position) else {
            throw fault("it ends too early")
        }
        position += 8
        return Double(bitPattern: value.byteSwapped)
    }

    /// A whole number in two's complement, lowest byte first, of up to eight bytes.
    private mutating func long() throws(CheckpointError) -> Int64 {
        let length = Int(try byte())
        guard length <= 8 else { throw fault("a whole number of \(length) bytes, at most 8") }
        var value: UInt64 = 0
        for index in 0..<length { value |= UInt64(try byte()) << (8 * index) }
        let unused = 64 - 8 * length
        return length == 0 ? 0 : Int64(bitPattern: value << unused) >> unused
    }

    private mutating func text(length: Int) throws(CheckpointError) -> PickleValue {
        guard length <= end - position else { throw fault("a string of \(length) bytes, \(end - position) are left") }
        guard length <= CheckpointLimits.textBytes else {
            throw .overLimit("bytes of a string", limit: CheckpointLimits.textBytes)
        }
        guard bytes.text(in: position..<position + length) != nil else { throw fault("a string that is not UTF-8") }
        defer { position += length }
        return .text(start: UInt32(position), length: UInt32(length))
    }

    private mutating func global() throws(CheckpointError) -> PickleValue {
        let module = try line(), name = try line()
        if let global = PickleGlobal(module: module, name: name) { return .global(global) }
        try budget.charge(96 + module.utf8.count + name.utf8.count)
        document.unknownNames.append(module + "." + name)
        return .unknown(document.unknownNames.count - 1)
    }

    private mutating func line() throws(CheckpointError) -> String {
        let start = position
        while try byte() != 0x0A {
            guard position - start <= 256 else { throw fault("a name of over 256 bytes") }
        }
        guard let text = bytes.text(in: start..<position - 1) else { throw fault("a name that is not UTF-8") }
        return text
    }

    /// What an operation that is refused is called.
    private static func describe(_ code: UInt8) -> String {
        let names: [UInt8: String] = [
            0x30: "POP", 0x31: "POP_MARK", 0x32: "DUP", 0x46: "FLOAT", 0x49: "INT", 0x4C: "LONG", 0x50: "PERSID",
            0x53: "STRING", 0x54: "BINSTRING", 0x56: "UNICODE", 0x64: "DICT", 0x67: "GET", 0x69: "INST", 0x6C: "LIST",
            0x6F: "OBJ", 0x70: "PUT", 0x80: "PROTO", 0x81: "NEWOBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4",
            0x8B: "LONG4", 0x8C: "SHORT_BINUNICODE", 0x8D: "BINUNICODE8", 0x8E: "BINBYTES8", 0x8F: "EMPTY_SET",
            0x90: "ADDITEMS", 0x91: "FROZENSET", 0x92: "NEWOBJ_EX", 0x93: "STACK_GLOBAL", 0x94: "MEMOIZE",
            0x95: "FRAME", 0x96: "BYTEARRAY8", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER", 0x42: "BINBYTES",
            0x43: "SHORT_BINBYTES",
        ]
        return names[code] ?? "0x" + String(code, radix: 16)
    }
}

// MARK: - Stack and memo

extension PickleReader {
    private func checkDepth() throws(CheckpointError) {
        guard stack.count + marks.count < CheckpointLimits.stackDepth else {
            throw .overLimit("values on the pickle's stack", limit: CheckpointLimits.stackDepth)
        }
    }

    private mutating func push(_ value: PickleValue) throws(CheckpointError) {
        try checkDepth()
        stack.append(value)
    }

    /// The top of the stack, which must lie above the last mark.
    private func top() throws(CheckpointError) -> PickleValue {
        guard let value = stack.last, stack.count > marks.last ?? 0 else { throw fault("its stack is empty") }
        return value
    }

    private mutating func pop() throws(CheckpointError) -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func popToMark() throws(CheckpointError) -> [PickleValue] {
        guard let height = marks.popLast() else { throw fault("its mark is missing") }
        let values = [PickleValue](stack[height...])
        stack.removeLast(stack.count - height)
        return values
    }

    /// Keeps the top of the stack. Writers number what they keep from zero on, so a gap is a sign of something else.
    private mutating func memorise(at index: Int) throws(CheckpointError) {
        let value = try top()
        guard index <= memo.count else { throw fault("value \(index) is kept, expected at most \(memo.count)") }
        if index < memo.count {
            memo[index] = value
            return
        }
        guard index < CheckpointLimits.memoEntries else {
            throw .overLimit("values that a pickle keeps", limit: CheckpointLimits.memoEntries)
        }
        try budget.charge(2 * MemoryLayout<PickleValue>.stride)
        memo.append(value)
    }

    private func recall(_ index: Int) throws(CheckpointError) -> PickleValue {
        guard index < memo.count else { throw fault("value \(index) is asked for, \(memo.count) are kept") }
        return memo[index]
    }
}

// MARK: - Containers and tensors

extension PickleReader {
    private mutating func container(_ values: [PickleValue]) throws(CheckpointError) -> Int {
        // The array's header and its place in a list of containers that grows by doubling.
        try budget.charge(64 + MemoryLayout<PickleValue>.stride * values.count)
        document.containers.append(values)
        return document.containers.count - 1
    }

    private mutating func pushTuple(_ count: Int) throws(CheckpointError) {
        var values: [PickleValue] = []
        for _ in 0..<count { values.append(try pop()) }
        try push(.tuple(try container(values.reversed())))
    }

    private mutating func append(_ values: [PickleValue]) throws(CheckpointError) {
        if case .unknown = try top() { return }
        guard case .list(let index) = try top() else { throw fault("something is appended to what is no list") }
        try budget.charge(2 * MemoryLayout<PickleValue>.stride * values.count)
        document.containers[index].append(contentsOf: values)
    }

    private mutating func setItems(_ keysAndValues: [PickleValue]) throws(CheckpointError) {
        if case .unknown = try top() { return }
        guard case .dictionary(let index) = try top() else { throw fault("an item is set in what is no dictionary") }
        guard keysAndValues.count % 2 == 0 else { throw fault("a key without a value") }
        for key in stride(from: 0, to: keysAndValues.count, by: 2) {
            switch keysAndValues[key] {
            case .text, .integer, .unknown: break
            default: throw fault("a key that is neither text nor a whole number nor a name")
            }
        }
        try budget.charge(2 * MemoryLayout<PickleValue>.stride * keysAndValues.count)
        document.containers[index].append(contentsOf: keysAndValues)
    }

    /// `OrderedDict` objects carry attributes (`_metadata`, the versions of modules); nothing here needs them.
    private mutating func build() throws(CheckpointError) {
        let state = try pop()
        if case .unknown = try top() { return }
        guard case .dictionary = state, case .dictionary = try top() else {
            throw fault("state is set on what is no dictionary")
        }
    }

    private func elements(_ value: PickleValue) -> [PickleValue]? {
        guard case .tuple(let index) = value else { return nil }
        return document.containers[index]
    }

    private mutating func storage(_ identifier: PickleValue) throws(CheckpointError) -> PickleValue {
        if let type = elements(identifier)?.dropFirst().first, case .unknown = type { return type }
        guard let parts = elements(identifier), parts.count == 5, document.text(parts[0]) == "storage",
            case .global(.storage(let type)) = parts[1], let key = document.text(parts[2]),
            case .text = parts[3], case .integer(let count) = parts[4]
        else { throw fault("a persistent identifier that names no storage") }
        guard let count = Int(exactly: count), count >= 0 else { throw fault("a storage of \(count) elements") }
        try budget.charge(2 * MemoryLayout<PickledStorage>.stride + key.utf8.count)
        document.storages.append(PickledStorage(scalarType: type, key: key, elementCount: count))
        return .storage(document.storages.count - 1)
    }

    /// The only calls there are: an empty ordered dictionary, a view of a storage, and a parameter (its tensor).
    private mutating func reduce() throws(CheckpointError) {
        let arguments = elements(try pop())
        let called = try pop()
        if case .unknown = called { return try push(called) }
        guard case .global(let function) = called, let arguments else { throw fault("a call of what is no function") }
        switch function {
        case .orderedDictionary where arguments.isEmpty: try push(.dictionary(try container([])))
        case .rebuildTensor: try push(try tensor(arguments))
        case .rebuildParameter:
            guard arguments.count == 3, case .tensor = arguments[0], case .boolean = arguments[1] else {
                throw fault("a parameter without a tensor")
            }
            try push(arguments[0])
        default: throw fault("a call with arguments that are not known")
        }
    }

    /// Nothing that is known here is made so.
    private mutating func makeObject() throws(CheckpointError) {
        _ = try pop()
        let type = try pop()
        guard case .unknown = type else { throw fault("the operation NEWOBJ is not allowed") }
        try push(type)
    }

    private mutating func tensor(_ arguments: [PickleValue]) throws(CheckpointError) -> PickleValue {
        if let storage = arguments.first, case .unknown = storage { return storage }
        guard arguments.count == 6 || arguments.count == 7, case .storage(let storage) = arguments[0],
            case .integer(let offset) = arguments[1], case .boolean = arguments[4], case .dictionary = arguments[5]
        else { throw fault("a tensor with arguments that are not known") }
        let shape = try integers(arguments[2]), strides = try integers(arguments[3])
        guard shape.count == strides.count else { throw fault("a shape and strides of different lengths") }
        try budget.charge(2 * MemoryLayout<PickledTensor>.stride + 64 + 16 * shape.count)
        document.tensors.append(
            PickledTensor(storage: storage, offset: Int(offset), shape: shape, strides: strides))
        return .tensor(document.tensors.count - 1)
    }

    private func integers(_ value: PickleValue) throws(CheckpointError) -> [Int] {
        guard let parts = elements(value) else { throw fault("a shape that is no tuple") }
        guard parts.count <= CheckpointLimits.rank else { throw .overLimit("dimensions", limit: CheckpointLimits.rank) }
        var result: [Int] = []
        for part in parts {
            guard case .integer(let number) = part else { throw fault("a shape that isn't made of whole numbers") }
            result.append(Int(number))
        }
        return result
    }
}
