extension HostileCheckpoints {
    private static func pickle(
        _ name: String, _ reason: String, _ body: (inout PickleAssembler) -> Void
    ) -> HostileCheckpoint {
        HostileCheckpoint(name + ".pth", reason, TorchArchiveWriter.archive(PickleAssembler.assemble(body)).bytes())
    }

    /// A call of a function with one text.
    private static func call(_ module: String, _ name: String) -> HostileCheckpoint {
        pickle("call-\(module)-\(name)", "\"\(module).\(name)\"") {
            $0.global(module, name)
            $0.text("touch \(canary)")
            $0.raw([0x85])
            $0.raw("R")
        }
    }

    /// Pickles that would run code, confuse their reader, or make it run out of memory or stack.
    static var pickles: [HostileCheckpoint] { calls + operations + expansions + confusions }

    private static var calls: [HostileCheckpoint] {
        [
            call("os", "system"), call("posix", "system"), call("builtins", "eval"), call("builtins", "exec"),
            call("__builtin__", "eval"), call("subprocess", "Popen"), call("torch", "load"), call("torch.hub", "load"),
            call("builtins", "getattr"), call("runpy", "_run_code"), call("torch.storage", "_load_from_bytes"),
            call("torch", "FloatTensor"), call("numpy.core.multiarray", "_reconstruct"),
            pickle("call-name-with-newline-escape", "\"os.system\\u{7}\"") { $0.global("os", "system\u{7}") },
            pickle("call-name-too-long", "over 256 bytes") { $0.global(String(repeating: "a", count: 300), "b") },
            pickle("call-of-text", "no function") { $0.text("os.system"); $0.raw(")R") },
            pickle("call-of-storage-class", "arguments") { $0.global("torch", "FloatStorage"); $0.raw(")R") },
            pickle("ordered-dictionary-with-arguments", "arguments") {
                $0.global("collections", "OrderedDict")
                $0.raw("]")
                $0.raw([0x85])
                $0.raw("R")
            },
        ]
    }

    private static func operation(
        _ name: String, _ code: [UInt8], after body: (inout PickleAssembler) -> Void = { _ in }
    ) -> HostileCheckpoint {
        pickle("operation-\(name.lowercased())", "operation \(name) is not allowed") {
            body(&$0)
            $0.raw(code)
        }
    }

    private static var operations: [HostileCheckpoint] {
        [
            operation("STACK_GLOBAL", [0x93]) { $0.text("os"); $0.text("system") },
            operation("INST", Array("ios\nsystem\n".utf8)) { $0.raw("("); $0.text("true") },
            operation("OBJ", Array("o".utf8)) { $0.raw("("); $0.global("collections", "OrderedDict") },
            operation("NEWOBJ", [0x81]) { $0.global("collections", "OrderedDict"); $0.raw(")") },
            operation("EXT1", [0x82, 1]), operation("EXT4", [0x84, 1, 0, 0, 0]),
            operation("FRAME", [0x95, 8, 0, 0, 0, 0, 0, 0, 0]), operation("MEMOIZE", [0x94]) { $0.raw("}") },
            operation("DUP", Array("2".utf8)) { $0.raw("}") }, operation("POP", Array("0".utf8)) { $0.raw("}}") },
            operation("PROTO", [0x80, 2]), operation("LONG4", [0x8B, 0xFF, 0xFF, 0xFF, 0x7F]),
            operation("BINUNICODE8", [0x8D] + [UInt8](repeating: 0xFF, count: 8)),
            operation("BINBYTES8", [0x8E] + [UInt8](repeating: 0xFF, count: 8)),
            operation("BYTEARRAY8", [0x96] + [UInt8](repeating: 0xFF, count: 8)),
            operation("PERSID", Array("Pstorage\n".utf8)), operation("INT", Array("I01\n".utf8)),
            operation("0xff", [0xFF]),
            HostileCheckpoint("protocol-4.pth", "protocol 2", TorchArchiveWriter.archive(
                PickleAssembler(protocolVersion: 4).bytes + Array("}.".utf8)).bytes()),
            HostileCheckpoint("protocol-0.pth", "protocol 2",
                TorchArchiveWriter.archive(Array("(dp0\n.".utf8)).bytes()),
        ]
    }

    private static var expansions: [HostileCheckpoint] {
        [
            pickle("expansion-by-recall", "over a limit") { pickle in
                pickle.raw(")q")
                pickle.raw([0])
                for _ in 0..<80 {
                    pickle.raw("(")
                    for _ in 0..<9_000 { pickle.raw([0x68, 0]) }
                    pickle.raw("t")
                }
            },
            pickle("expansion-by-doubling", "is no tensor") { pickle in
                pickle.raw("}")
                pickle.text("weights")
                pickle.raw("]q")
                pickle.raw([0])
                // Each tuple holds the one before it twice: the last stands for 2^60 lists.
                for level in 0..<60 { pickle.raw([0x68, UInt8(level), 0x86, 0x71, UInt8(level + 1)]) }
                pickle.raw("s")
            },
            pickle("many-containers", "over a limit") { $0.raw(String(repeating: "](]t", count: 200_000)) },
            pickle("many-kept-values", "over a limit") { pickle in
                pickle.raw("}")
                for index in 0..<140_000 {
                    pickle.raw("r")
                    pickle.number(UInt32(index))
                }
            },
            pickle("deep-nesting", "no dictionary") { $0.raw(")"); $0.raw([UInt8](repeating: 0x85, count: 90_000)) },
            pickle("deeper-nesting", "over a limit") {
                $0.raw(")")
                $0.raw([UInt8](repeating: 0x85, count: 1_000_000))
            },
            pickle("deep-stack", "on the pickle's stack") { $0.raw(String(repeating: "]", count: 10_001)) },
            pickle("deep-marks", "on the pickle's stack") { $0.raw(String(repeating: "(", count: 10_001)) },
            pickle("holds-itself", "is no tensor") {
                $0.raw("}q")
                $0.raw([0])
                $0.text("state_dict")
                $0.raw([0x68, 0])
                $0.raw("s")
            },
            pickle("list-holds-itself", "no dictionary") { $0.raw("]q"); $0.raw([0, 0x68, 0]); $0.raw("a") },
            pickle("text-beyond-the-end", "are left") { $0.raw("X"); $0.number(UInt32.max) },
            pickle("text-too-long", "bytes of a string") { $0.text(String(repeating: "a", count: 65_537)) },
            pickle("text-not-utf-8", "not UTF-8") {
                $0.raw("X")
                $0.number(4 as UInt32)
                $0.raw([0xC3, 0x28, 0xFF, 0xFE])
            },
            pickle("whole-number-too-long", "at most 8") {
                $0.raw([0x8A, 255])
                $0.raw([UInt8](repeating: 0x7F, count: 255))
            },
            pickle("kept-out-of-order", "is kept") { $0.raw("}r"); $0.number(0xFFFF_FFF0 as UInt32) },
            pickle("recalled-unkept", "is asked for") { $0.raw("j"); $0.number(0xFFFF_FFF0 as UInt32) },
        ]
    }

    private static var confusions: [HostileCheckpoint] {
        [
            pickle("item-set-in-list", "no dictionary") { $0.raw("]"); $0.text("a"); $0.raw("Ns") },
            pickle("item-set-in-tensor", "no dictionary") { $0.tensor(PickledView()); $0.text("a"); $0.raw("Ns") },
            pickle("appended-to-dictionary", "no list") { $0.raw("}Na") },
            pickle("state-set-on-tensor", "no dictionary") { $0.tensor(PickledView()); $0.raw("}b") },
            pickle("key-without-value", "without a value") { $0.raw("}(NNNu") },
            pickle("key-of-another-kind", "neither text") { $0.raw("}(NNu") },
            pickle("name-not-text", "not text") { $0.raw("}("); $0.integer(1); $0.tensor(PickledView()); $0.raw("u") },
            pickle("stack-empty", "stack is empty") { $0.raw("a") },
            pickle("mark-missing", "mark is missing") { $0.raw("t") },
            pickle("values-left", "values are left") { $0.raw("}}") },
            pickle("mark-left", "values are left") { $0.raw("}(") },
            pickle("pops-past-mark", "stack is empty") { $0.raw("]N("); $0.raw("a") },
            pickle("result-is-text", "no dictionary of tensors") { $0.text("hello") },
            pickle("result-is-tensor", "no dictionary of tensors") { $0.tensor(PickledView()) },
            pickle("entry-is-number", "is no tensor") { $0.raw("}"); $0.text("a"); $0.integer(1); $0.raw("s") },
            pickle("two-state-dictionaries", "twice") {
                $0.raw("}(")
                for _ in 0..<2 { $0.text("state_dict"); $0.raw("}") }
                $0.raw("u")
            },
            pickle("state-dictionary-is-list", "no dictionary") { $0.raw("}"); $0.text("state_dict"); $0.raw("]s") },
            HostileCheckpoint("two-pickles.pth", "follow its end", TorchArchiveWriter.archive(
                PickleAssembler.assemble { $0.raw("}") } + PickleAssembler.assemble { $0.global("os", "system") }).bytes()),
            HostileCheckpoint("no-stop.pth", "too early", TorchArchiveWriter.archive(PickleAssembler().bytes).bytes()),
        ]
    }

    private static func view(
        _ name: String, _ reason: String, _ change: (inout PickledView) -> Void
    ) -> HostileCheckpoint {
        pickle("tensor-" + name, reason) { $0.stateDictionary([("a", PickledView(change))]) }
    }

    /// Tensors that claim what their storage doesn't have.
    static var views: [HostileCheckpoint] {
        [
            view("reaches-past-storage", "reach past its storage") { $0.shape = [2, 4]; $0.strides = [4, 1] },
            view("begins-past-storage", "reach past its storage") { $0.offset = 1 },
            view("begins-far-past-storage", "reach past its storage") { $0.offset = .max },
            view("begins-before-storage", "reach past its storage") { $0.offset = -1 },
            view("strides-past-storage", "strides") { $0.strides = [1_000_000, 1] },
            view("strides-transposed", "strides") { $0.strides = [1, 2] },
            view("strides-zero", "strides") { $0.strides = [0, 0] },
            view("strides-negative", "strides") { $0.strides = [-3, -1] },
            view("expanded-to-a-terabyte", "reach past its storage") {
                $0.shape = [1 << 20, 1 << 18]
                $0.strides = [0, 0]
            },
            view("negative-size", "negative or too large") { $0.shape = [-2, -3] },
            view("overflowing-size", "negative or too large") { $0.shape = [1 << 40, 1 << 40] },
            view("overflowing-size-and-zero", "negative or too large") {
                $0.shape = [0, 1 << 40, 1 << 40]
                $0.strides = [1, 1, 1]
            },
            view("strides-missing", "different lengths") { $0.strides = [1] },
            view("many-dimensions", "dimensions") {
                $0.shape = [Int](repeating: 1, count: 33)
                $0.strides = $0.shape
            },
            view("storage-missing", "has no entry") { $0.key = "7" },
            view("storage-outside", "has no entry") { $0.key = "../data.pkl" },
            view("storage-inside-a-folder", "has no entry") { $0.key = "data/0" },
            view("storage-too-long", "expected 1000 of float32") { $0.storageCount = 1_000 },
            view("storage-negative", "-1 elements") { $0.storageCount = -1 },
            view("storage-overflowing", "has 24 bytes") { $0.storageCount = 1 << 62 },
            view("storage-of-another-type", "expected 6 of float64") { $0.storageClass = "DoubleStorage" },
            view("storage-untyped", "\"torch.UntypedStorage\" is not allowed") { $0.storageClass = "UntypedStorage" },
            view("identifier-unknown", "names no storage") { $0.identifier = "module" },
            pickle("storage-with-two-types", "is 6 of float32 and 3 of float64") {
                $0.stateDictionary([("a", PickledView()), ("b", PickledView {
                    $0.storageClass = "DoubleStorage"
                    $0.storageCount = 3
                    $0.shape = [3]
                    $0.strides = [1]
                })])
            },
            pickle("storage-with-two-lengths", "is 6 of float32 and 60 of float32") {
                $0.stateDictionary([("a", PickledView()), ("b", PickledView { $0.storageCount = 60 })])
            },
            pickle("tensor-name-twice", "is there twice") {
                $0.stateDictionary([("a", PickledView()), ("a", PickledView())])
            },
            pickle("tensor-name-twice-after-prefix", "with and without the prefix") {
                $0.stateDictionary([("a", PickledView()), ("module.a", PickledView())])
            },
        ]
    }
}
