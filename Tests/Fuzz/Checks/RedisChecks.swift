import Redis

/// What a job store's server sends: any bytes, cut anywhere, are the same answers or the same error.
enum RedisChecks {
    static func check(_ bytes: [UInt8]) throws(BrokenPromise) {
        let whole = answers(Cuts.whole(bytes))
        for cuts in [Cuts.single(bytes), Cuts.chosen(bytes)] {
            let cut = answers(cuts)
            try promise(cut == whole, "cut, it is \(cut) in place of \(whole)")
        }
        // What is sent as a command is read as a list of the same texts.
        let command = RedisCommand(["GET"], bytes: [bytes, []])
        var parser = RedisParser()
        let sent = try? parser.parse(command.pieces.flatMap(\.self)[...])
        try promise(sent == [.list(command.arguments.map { .bytes($0) })], "a command is not read as it was")
        try promise(parser.isAtStart, "something is left of a command")
        // Nor do an address's parts change.
        guard let address = try? RedisAddress(String(decoding: bytes, as: UTF8.self)) else { return }
        let again = try? RedisAddress(address.description)
        try promise(
            again?.host == address.host && again?.port == address.port && again?.database == address.database,
            "\(address) is another address")
    }

    private struct Transcript: Equatable {
        var values: [RedisValue] = []
        var failed = false
    }

    private static func answers(_ pieces: [ArraySlice<UInt8>]) -> Transcript {
        var limits = RedisLimits()
        (limits.textBytes, limits.answerBytes, limits.lineBytes, limits.values, limits.depth) = (512, 1024, 64, 32, 4)
        var parser = RedisParser(limits: limits)
        var transcript = Transcript()
        for piece in pieces {
            do throws(RedisError) {
                transcript.values += try parser.parse(piece)
            } catch {
                transcript.failed = true
                // What came before in the same piece is lost with it; only the end counts then.
                transcript.values = []
                return transcript
            }
        }
        return transcript
    }
}
