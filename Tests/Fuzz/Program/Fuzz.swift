import CFuzzer
import FuzzChecks
import Glibc

/// libFuzzer around one entry: the one that the program is called by, so that each has a link of its name and
/// libFuzzer can start itself again for merging.
@main
enum Fuzz {
    private static let entry = FuzzEntry(rawValue: String(CommandLine.arguments[0].split(separator: "/").last ?? ""))

    static func main() {
        guard entry != nil else {
            let names = FuzzEntry.allCases.map(\.rawValue).joined(separator: ", ")
            let usage = "call this program by the name of an entry: \(names)\n"
            write(STDERR_FILENO, usage, usage.utf8.count)
            exit(EX_USAGE)
        }
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(
            LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
                Fuzz.look(Array(UnsafeBufferPointer(start: bytes, count: count)))
                return 0
            })
    }

    private static func look(_ bytes: [UInt8]) {
        do {
            try entry?.check(bytes)
        } catch {
            // libFuzzer takes a signal for a finding, and keeps the input.
            fatalError("broken promise: \(error)")
        }
    }
}
