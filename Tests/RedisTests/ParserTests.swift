import Redis
import Testing

@Suite("Answers of Redis servers")
struct RedisParserTests {
    private func parse(_ text: String, _ limits: RedisLimits = RedisLimits()) throws(RedisError) -> [RedisValue] {
        var parser = RedisParser(limits: limits)
        return try parser.parse(Array(text.utf8)[...])
    }

    @Test("every kind of answer is read, cut anywhere")
    func kinds() throws {
        let text = "+OK\r\n-ERR no\r\n:-12\r\n$5\r\na\r\nb\n\r\n$-1\r\n*-1\r\n*0\r\n*2\r\n*1\r\n:1\r\n$0\r\n\r\n$0\r\n\r\n"
        let expected: [RedisValue] = [
            .status("OK"), .error("ERR no"), .integer(-12), .bytes(Array("a\r\nb\n".utf8)), .null, .null, .list([]),
            .list([.list([.integer(1)]), .bytes([])]), .bytes([]),
        ]
        #expect(try parse(text) == expected)
        let bytes = Array(text.utf8)
        for cut in bytes.indices {
            var parser = RedisParser()
            #expect(try parser.parse(bytes[..<cut]) + parser.parse(bytes[cut...]) == expected)
        }
        var single = RedisParser()
        var answers: [RedisValue] = []
        for index in bytes.indices { answers += try single.parse(bytes[index...index]) }
        #expect(answers == expected && single.isAtStart)
    }

    @Test("what is no answer is an error", arguments: [
        "\r\n", "x\r\n", "+OK\n", ":\r\n", ":1a\r\n", ":99999999999999999999\r\n", "$-2\r\n", "$1\r\nab\r\n", "*-2\r\n",
        ":- 1\r\n", "$ 1\r\n", "\n", ":--1\r\n",
    ])
    func malformed(text: String) {
        #expect(throws: RedisError.self) { _ = try parse(text) }
    }

    @Test("at each limit an answer is taken, and one past it is an error")
    func limits() throws {
        var limits = RedisLimits()
        limits.textBytes = 4
        #expect(try parse("$4\r\nabcd\r\n", limits).count == 1)
        #expect(throws: RedisError.self) { _ = try parse("$5\r\n", limits) }
        limits = RedisLimits()
        limits.values = 3
        #expect(try parse("*3\r\n:1\r\n:1\r\n:1\r\n", limits).count == 1)
        #expect(throws: RedisError.self) { _ = try parse("*4\r\n", limits) }
        // Also of lists within lists; the next answer begins anew.
        #expect(throws: RedisError.self) { _ = try parse("*2\r\n*2\r\n", limits) }
        #expect(try parse("*2\r\n:1\r\n:1\r\n*2\r\n:1\r\n:1\r\n", limits).count == 2)
        limits = RedisLimits()
        limits.depth = 2
        #expect(try parse("*1\r\n*1\r\n:1\r\n", limits).count == 1)
        #expect(throws: RedisError.self) { _ = try parse("*1\r\n*1\r\n*1\r\n", limits) }
        limits = RedisLimits()
        limits.lineBytes = 8
        #expect(try parse("+12345\r\n", limits).count == 1)
        #expect(throws: RedisError.self) { _ = try parse("+123456\r\n", limits) }
        #expect(throws: RedisError.self) { _ = try parse("+12345678", limits) }
        limits = RedisLimits()
        limits.answerBytes = 14
        #expect(try parse("*1\r\n$6\r\nabcdef\r\n", limits).count == 1)
        #expect(throws: RedisError.self) { _ = try parse("*1\r\n$7\r\n", limits) }
    }

    @Test("a text that a server only announces takes no memory")
    func announced() throws {
        #expect(try parse("$500000000\r\n").isEmpty)
    }

    @Test("commands are sent as lists of texts, large ones in pieces without copies")
    func commands() {
        #expect(RedisCommand("GET", "a").pieces == [Array("*2\r\n$3\r\nGET\r\n$1\r\na\r\n".utf8)])
        let large = [UInt8](repeating: 7, count: 16 << 10)
        let pieces = RedisCommand(["SET", "a"], bytes: [large, [1]]).pieces
        #expect(pieces.count == 3 && pieces[1] == large)
        #expect(pieces[0].suffix(8).elementsEqual(Array("$16384\r\n".utf8)))
        #expect(pieces[2] == Array("\r\n$1\r\n\u{1}\r\n".utf8))
    }
}
