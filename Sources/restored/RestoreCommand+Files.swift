import Engine
import Images
import Scheduling
import Service

/// The files of one command go through the engine together, so that their steps share evaluations.
extension RestoreCommand {
    /// Files begun before one of them has ended: more would only wait in the engine's queue.
    private static let filesAtOnce = 16

    /// One file on its way.
    private struct File: Sendable {
        let index: Int
        let input: FilePath
        let output: FilePath
        let format: ImageFormat
    }

    /// What the pictures may borrow from, decoded once for all.
    static func reference(_ file: FilePath, limits: ImageLimits) async throws -> ReferencePicture {
        do {
            return try await PictureCoding.run {
                let bytes = try InputFile.readPicture(file)
                do throws(ImageError) {
                    try ImageHeader.read(bytes).check(limits)
                    return ReferencePicture(
                        try ReferencePicture.fitted(ImageDecoder.decode(bytes, limits: limits)))
                } catch {
                    throw RestorationError.reference(error)
                }
            }
        } catch {
            throw CommandFailure(error).naming(file)
        }
    }

    /// Restores each input to its output. A file that fails is named on standard error, and the others go on.
    ///
    /// - Parameter memory: where the files' pictures are booked.
    /// - Returns: the first failure, in the order of the inputs.
    func restoreAll(
        _ files: [(input: FilePath, output: FilePath, format: ImageFormat)], options: RestorationOptions,
        engine: any RestorationEngine, limits: ImageLimits, memory: MemoryBudget
    ) async -> CommandFailure? {
        let display = ProgressDisplay(files: files.count, isShown: StandardError.isTerminal)
        let files = files.enumerated().map {
            File(index: $0.offset, input: $0.element.input, output: $0.element.output, format: $0.element.format)
        }
        return await withTaskGroup(of: (File, Result<String, CommandFailure>).self) { group in
            var failures: [Int: CommandFailure] = [:]
            func waitForOne() async {
                guard let (file, result) = await group.next() else { return }
                display.end(ofFile: file.index) {
                    switch result {
                    case .success(let line): failures[file.index] = told(line, of: file)
                    case .failure(let failure):
                        let failure = failure.naming(file.input, file.output)
                        _ = failure.reported()
                        failures[file.index] = failure
                    }
                }
            }
            for file in files {
                if file.index >= Self.filesAtOnce { await waitForOne() }
                group.addTask {
                    let result = await restore(
                        file, options: options, engine: engine, limits: limits, memory: memory, display: display)
                    return (file, result)
                }
            }
            for _ in 0..<min(files.count, Self.filesAtOnce) { await waitForOne() }
            return failures.min { $0.key < $1.key }?.value
        }
    }

    private func restore(
        _ file: File, options: RestorationOptions, engine: any RestorationEngine, limits: ImageLimits,
        memory: MemoryBudget, display: ProgressDisplay
    ) async -> Result<String, CommandFailure> {
        do {
            let (place, source, header) = try await PictureCoding.run {
                // A place where nothing can be written is told of before any work.
                let place = try OutputPlace(file.output)
                // Once, for a pipe gives it once.
                let bytes = try InputFile.readPicture(file.input)
                let header = try ImageHeader.read(bytes)
                try header.check(limits)
                try ImageEncoder.check(width: header.width, height: header.height, as: file.format)
                return (place, bytes, header)
            }
            let (width, height) = (header.width, header.height)
            let estimate = try engine.estimate(width: width, height: height, options: options)
            let bytes = estimate.blendingBytes + PictureMemory.bytes(width: width, height: height)
            let booking = PictureBooking(
                reservation: memory.reservation(),
                bytes: min(memory.limit, source.count + max(bytes, header.decodingBytes)))
            let picture = PictureSource(width: width, height: height) {
                try await PictureCoding.run { try ImageDecoder.decode(source, limits: limits) }
            }
            let result = try await engine.restore(picture, options: options, memory: booking) {
                display.show($0, ofFile: file.index)
            }
            let answer = ImageAnswer(
                as: file.format, quality: quality ?? ImageEncoder.standardQuality, keepsMetadata: keepMetadata,
                limits: limits)
            try await PictureCoding.run {
                let bytes = try answer.file(of: result.picture, isUnchanged: result.unchanged, source: source)
                do throws(SystemFault) {
                    try place.write(bytes)
                } catch {
                    throw CommandFailure(.inputOutput, "\(file.output): \(error.reason)")
                }
            }
            let (input, output) = json ? (file.input.text, file.output.text) : ("\(file.input)", "\(file.output)")
            let document = RestorationDocument(result, file: input, output: output, bundle: engine.bundle)
            return .success(json ? document.line : document.text)
        } catch {
            return .failure(CommandFailure(error))
        }
    }

    /// Says what was done: on standard output, unless the picture itself went there.
    private func told(_ line: String, of file: File) -> CommandFailure? {
        if OutputPlace.isStandardOutput(file.output) {
            StandardError.write(line + "\n")
            return nil
        }
        do throws(CommandFailure) {
            try StandardOutput.writeLine(line)
            return nil
        } catch {
            _ = error.reported()
            return error
        }
    }
}
