import Engine
import Images
import Service
import Settings

/// The files of one command go through the engine together, so that their steps share evaluations.
extension RestoreCommand {
    /// One file on its way.
    private struct FileTask: Sendable {
        let index: Int
        let input: String
        let output: String
    }

    /// What became of it: the line to print, or why there is none.
    private struct Ending: Sendable {
        let task: FileTask
        let bytes: Int
        let result: Result<String, CommandFailure>
    }

    /// Files begun before one of them has ended: more would only wait in the engine's queue.
    private static let filesAtOnce = 16

    /// Restores each input to its output. A file that fails is named on standard error, and the others go on.
    ///
    /// - Returns: the first failure, in the order of the inputs.
    func restoreAll(
        _ files: [(input: String, output: String)], options: RestorationOptions, engine: any RestorationEngine,
        configuration: Configuration
    ) async -> CommandFailure? {
        let display = ProgressDisplay(files: files.count, isShown: StandardError.isTerminal)
        let tasks = files.enumerated().map { FileTask(index: $0.offset, input: $0.element.input, output: $0.element.output) }
        return await withTaskGroup(of: Ending.self) { group in
            var failures: [Int: CommandFailure] = [:]
            var underWay = 0
            var bytesHeld = 0
            func conclude(_ ending: Ending) {
                display.end(ofFile: ending.task.index) {
                    switch ending.result {
                    case .success(let line): print(line)
                    case .failure(let failure): failures[ending.task.index] = named(failure, ending.task)
                    }
                }
            }
            func waitForOne() async {
                guard let ending = await group.next() else { return }
                underWay -= 1
                bytesHeld -= ending.bytes
                conclude(ending)
            }
            for task in tasks {
                do {
                    let source = try await source(task, options: options, engine: engine, limits: configuration.imageLimits)
                    while underWay > 0,
                        underWay >= Self.filesAtOnce || bytesHeld + source.heldBytes > configuration.requestMemory
                    {
                        await waitForOne()
                    }
                    underWay += 1
                    bytesHeld += source.heldBytes
                    group.addTask {
                        let result = await restore(source, task, options: options, engine: engine, display: display)
                        return Ending(task: task, bytes: source.heldBytes, result: result)
                    }
                } catch {
                    conclude(Ending(task: task, bytes: 0, result: .failure(CommandFailure(error))))
                }
            }
            while underWay > 0 { await waitForOne() }
            return failures.min { $0.key < $1.key }?.value
        }
    }

    /// A file's bytes, its header checked.
    private struct Source: Sendable {
        let bytes: [UInt8]
        let limits: ImageLimits
        /// What the file, its pictures and the sums of its overlaps take.
        let heldBytes: Int
    }

    private func source(
        _ task: FileTask, options: RestorationOptions, engine: any RestorationEngine, limits: ImageLimits
    ) async throws -> Source {
        let (input, form) = (task.input, writesJPEG(task.output) ? ImageFormat.jpeg : .png)
        let (bytes, header) = try await PictureWork.run {
            let bytes = try PictureFile.read(input)
            let header = try ImageHeader.read(bytes)
            try header.check(limits)
            try ImageEncoder.check(width: header.width, height: header.height, as: form)
            return (bytes, header)
        }
        let estimate = try engine.estimate(width: header.width, height: header.height, options: options)
        return Source(
            bytes: bytes, limits: limits,
            heldBytes: bytes.count + estimate.blendingBytes
                + PictureMemory.bytes(width: header.width, height: header.height, options: options))
    }

    private func restore(
        _ source: Source, _ task: FileTask, options: RestorationOptions, engine: any RestorationEngine,
        display: ProgressDisplay
    ) async -> Result<String, CommandFailure> {
        do {
            let picture = try await PictureWork.run { try ImageDecoder.decode(source.bytes, limits: source.limits) }
            let result = try await engine.restore(picture, options: options) { display.show($0, ofFile: task.index) }
            let (isJPEG, quality, keepsExif) = (writesJPEG(task.output), quality ?? 90, keepMetadata)
            try await PictureWork.run {
                let bytes =
                    isJPEG
                    ? try ImageEncoder.jpeg(
                        result.picture, options: ImageEncoder.JPEGOptions(quality: quality), keepsExif: keepsExif)
                    : try ImageEncoder.png(result.picture, keepsExif: keepsExif)
                try PictureFile.write(bytes, to: task.output)
            }
            let summary = RestorationSummary(
                result, file: task.input, output: task.output, bundle: engine.bundle)
            return .success(json ? summary.line : summary.text)
        } catch {
            return .failure(CommandFailure(error))
        }
    }

    /// Says on standard error which file failed and why.
    private func named(_ failure: CommandFailure, _ task: FileTask) -> CommandFailure {
        let isNamed = failure.message.hasPrefix(task.input) || failure.message.hasPrefix(task.output)
        let named = CommandFailure(failure.status, isNamed ? failure.message : "\(task.input): \(failure.message)")
        _ = named.reported()
        return named
    }
}
