import ArgumentParser
import Bundles
import Checkpoints

/// `restored weights inspect FILE [--json]`.
struct WeightsInspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Lists the tensors of a checkpoint, safetensors or PyTorch.")

    @Argument(help: "A .safetensors, .pt or .pth file.")
    var file: String

    @Flag(help: "Print one JSON document.")
    var json = false

    func run() throws {
        do throws(CheckpointError) {
            let listing = CheckpointListing(try StateDict(contentsOf: file))
            print(json ? listing.json : listing.text)
        } catch {
            if case .unreadable = error { throw CommandFailure(.noInput, "\(file): \(error)").reported() }
            throw CommandFailure(.badData, "\(file): \(error)").reported()
        }
    }
}
