import ArgumentParser
import Bundles
import Engine
import Images

/// Exit statuses, as sysexits.h names them. Usage errors (64) are ArgumentParser's.
enum ExitStatus: Int32 {
    case usage = 64
    case badData = 65
    case noInput = 66
    case unavailable = 69
    case internalFault = 70
    case inputOutput = 74
    /// A drain that ran out of time.
    case drainCutShort = 75
}

/// Why a command ends early: its exit status and one line that says why.
struct CommandFailure: Error {
    let status: ExitStatus
    let message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    /// What any error of the layers below means on the command line.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as ImageError:
            self.init(error.kind == .internalFailure ? .internalFault : .badData, error.description)
        case let error as RestorationError: self.init(error)
        case let fault as OptionFault: self.init(fault)
        case let error as BundleError:
            switch error {
            case .unreadable, .notThere: self.init(.noInput, error.description)
            case .malformed, .wrongDigest, .checkpoint, .merges: self.init(.badData, error.description)
            }
        case let error as FetchError: self.init(error)
        case let fault as SystemFault: self.init(.noInput, fault.reason)
        default: self.init(.internalFault, String(describing: error))
        }
    }

    private init(_ fault: OptionFault) { self.init(.usage, "--\(fault.description)") }

    private init(_ error: FetchError) {
        let status: ExitStatus =
            switch error {
            case .unknown, .badAddress, .badToken, .licence: .usage
            case .badCatalogue, .wrongDigest, .wrongSize, .contradiction, .overLimit, .unfit: .badData
            case .offline, .unreadable: .noInput
            case .cancelled, .noAddress, .refused, .unreachable, .tooManyRedirections, .insecureRedirection, .insecure, .unsupported:
                .unavailable
            case .noRoom, .system: .inputOutput
            }
        self.init(status, error.description)
    }

    private init(_ error: RestorationError) {
        switch error {
        case .pictureTooSmall(let width, let height, let minimumSide):
            self.init(.badData, "\(width)x\(height) has a side under \(minimumSide) pixels")
        case .exceedsMemory(let needed, let limit, let largestSide):
            self.init(
                .badData,
                "needs \(needed) bytes of working memory and \(limit) are allowed; the largest square that fits is "
                    + "\(largestSide)x\(largestSide) pixels")
        case .overlapExceedsMemory(let needed, let limit):
            self.init(
                .badData, "the sums of the tiles' overlaps would take \(needed) bytes and \(limit) are allowed")
        case .option(let fault): self.init(fault)
        case .needsTextTower(let bundle):
            self.init(.usage, "labels of your own need a bundle with a text tower, which \(bundle) lacks")
        case .notOffered(let what, let bundle): self.init(.usage, "the bundle \(bundle) has no \(what)")
        case .unknownBundle(let name, let known):
            self.init(.usage, "there is no bundle \(name); there are \(known.joined(separator: ", "))")
        case .brokenBundle(let name, let reason): self.init(.badData, "the bundle \(name) can't be used: \(reason)")
        case .picture(let error): self.init(error as any Error)
        case .reference(let error): self.init(.badData, "the reference: \(error.description)")
        case .needsReference(let bundle):
            self.init(.usage, "the bundle \(bundle) restores with the help of another picture of the same: --reference FILE")
        case .queueFull, .deadlineUnattainable, .deadlineExceeded, .cancelled, .draining:
            self.init(.unavailable, "the work was refused or stopped: \(error)")
        case .nonFinite(let stage): self.init(.internalFault, "the numbers of the stage '\(stage)' are not finite")
        case .internalFault(let inside): self.init(.internalFault, inside)
        }
    }

    /// With the file that it is about in front, unless it stands there.
    func naming(_ files: FilePath...) -> CommandFailure {
        guard let first = files.first, !files.contains(where: { message.hasPrefix("\($0): ") }) else { return self }
        return CommandFailure(status, "\(first): \(message)")
    }

    /// Says why on standard error and gives what ends the program with the right status.
    func reported() -> ExitCode {
        StandardError.write("restored: \(message)\n")
        return ExitCode(status.rawValue)
    }
}
