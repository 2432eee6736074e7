import ArgumentParser
import Bundles
import Checkpoints

/// `restored weights inspect FILE [--json]`.
struct WeightsInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Lists the tensors of a checkpoint, safetensors or PyTorch.")

    @Argument(help: "A .safetensors, .pt or .pth file.")
    var file: FilePath

    @Flag(help: "Print one JSON document.")
    var json = false

    func run() throws {
        let text: String
        do {
            let listing = CheckpointListing(try StateDict(contentsOf: file.textualName()))
            text = json ? listing.json : listing.text
        } catch let fault as SystemFault {
            throw CommandFailure(.noInput, "\(file): \(fault.reason)").reported()
        } catch {
            if case .unreadable? = error as? CheckpointError {
                throw CommandFailure(.noInput, "\(file): \(error)").reported()
            }
            throw CommandFailure(.badData, "\(file): \(error)").reported()
        }
        try StandardOutput.printLine(text)
    }
}
