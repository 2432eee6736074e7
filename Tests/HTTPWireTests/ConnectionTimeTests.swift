import HTTPWire
import Testing

@Suite("Connection times") struct ConnectionTimeTests {
    /// A connection in the middle of a long body.
    private func uploading(_ configure: (inout ServerLimits) -> Void = { _ in }) -> ConnectionDriver {
        var driver = ConnectionDriver(configure)
        driver.receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(1 << 30)\r\n\r\n")
        driver.tell(.accepted(bodyLimit: 1 << 30))
        return driver
    }

    /// Sends `bytes` every `pause`; whether the body is still read after `count` times.
    private func send(_ bytes: Int, every pause: Duration, count: Int, _ driver: inout ConnectionDriver) -> Bool {
        for _ in 0..<count where driver.state.request == .flowing {
            driver.wait(pause)
            if driver.state.request == .flowing {
                driver.tell(.received([UInt8](repeating: 0x78, count: bytes)[...]))
            }
        }
        return driver.state.request == .flowing
    }

    @Test("a steady upload at the least rate is served however long it takes, a slower one is not")
    func steadyUpload() {
        var steady = uploading()
        #expect(send(16384, every: .seconds(1), count: 3600, &steady))
        var slow = uploading()
        #expect(!send(16383, every: .seconds(1), count: 3600, &slow))
        #expect(slow.actions.last == .failBody(.tooSlow))
        // Twenty seconds: the grace, and the first window after it.
        #expect(slow.now == .seconds(1020) || slow.now == .seconds(1021))
    }

    @Test("8 MB at 100 kB/s are served, however they are cut")
    func slowUpload() {
        for (bytes, pause) in [(100_000, Duration.seconds(1)), (1000, .milliseconds(10)), (900_000, .seconds(9))] {
            var driver = ConnectionDriver()
            driver.receive("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8100000\r\n\r\n")
            driver.tell(.accepted(bodyLimit: 1 << 25))
            while driver.state.request == .flowing {
                driver.wait(pause)
                driver.tell(.received([UInt8](repeating: 0x78, count: bytes)[...]))
            }
            #expect(driver.state.request == .complete)
            #expect(driver.now >= .seconds(1080))
        }
    }

    @Test("drops that only break the silence are no upload, whatever their rhythm", arguments: [1, 9, 10, 11, 59])
    func slowDrip(pause: Int) {
        var driver = uploading()
        #expect(!send(1024, every: .seconds(pause), count: 100, &driver))
        #expect(driver.actions.last == .failBody(.tooSlow))
        #expect(driver.now <= .seconds(1020 + pause))
    }

    @Test("a fast beginning earns nothing for a slow rest")
    func fastBeginning() {
        var driver = uploading()
        #expect(send(1 << 20, every: .seconds(1), count: 60, &driver))
        #expect(!send(1024, every: .seconds(1), count: 30, &driver))
    }

    @Test("silence ends a body after its time, whether or not there is a least rate")
    func silence() {
        var driver = uploading { $0.bodyBytesPerSecond = 0 }
        #expect(send(1, every: .seconds(59), count: 100, &driver))
        driver.wait(.seconds(59))
        #expect(driver.state.request == .flowing)
        driver.wait(.seconds(1))
        #expect(driver.actions.last == .failBody(.tooSlow))
        var fast = uploading { ($0.bodyTime, $0.bodyBytesPerSecond) = (.seconds(5), 1) }
        #expect(send(1 << 20, every: .seconds(4), count: 100, &fast))
        fast.wait(.seconds(5))
        #expect(fast.state.request == .abandoned)
    }

    @Test("time in which the reader has enough is not counted")
    func pausedBody() {
        var driver = uploading()
        for _ in 0..<20 {
            driver.tell(.received([UInt8](repeating: 0x78, count: 1 << 20)[...]))
            driver.tell(.bodyFull)
            driver.wait(.seconds(1000))
            driver.tell(.bodyWanted(request: 1))
            driver.wait(.seconds(9))
        }
        #expect(driver.state.request == .flowing)
    }

    @Test("a client that waits for 100 Continue has all its time from then on")
    func expectedBody() {
        var driver = ConnectionDriver()
        driver.receive(ConnectionDriver.expectingPost)
        driver.tell(.accepted(bodyLimit: 100))
        driver.wait(.seconds(1000))
        driver.tell(.bodyWanted(request: 1))
        driver.wait(.seconds(19))
        #expect(driver.state.request == .flowing)
        driver.wait(.seconds(1))
        #expect(driver.state.request == .abandoned)
    }

    @Test("each time at its limit and just before: first byte, head, keep-alive, lingering, and those of a drain")
    func limits() {
        let tick = Duration.milliseconds(1)
        func expect(
            _ time: Duration, _ action: ConnectionState.Action?, _ name: Comment,
            _ arrive: (inout ConnectionDriver) -> Void
        ) {
            var driver = ConnectionDriver()
            arrive(&driver)
            let before = driver.actions.count
            driver.wait(time - tick)
            #expect(driver.actions.count == before, name)
            driver.wait(tick)
            #expect(driver.actions.count > before, name)
            if let action { #expect(driver.actions.last == action, name) }
        }
        expect(.seconds(10), .close, "first byte") { _ in }
        expect(.seconds(10), nil, "head") { driver in
            driver.receive("GET")
            driver.wait(.zero)
        }
        expect(.seconds(75), .close, "keep-alive") { driver in
            driver.receive(ConnectionDriver.get)
            driver.answer()
            driver.sendAll()
        }
        expect(.seconds(75), .close, "keep-alive behind an answer that was taken slowly") { driver in
            driver.receive(ConnectionDriver.get)
            driver.answer()
            driver.tell(.sent(1, waiting: driver.waiting - 1))
            driver.wait(.seconds(20))
            driver.sendAll()
            driver.tell(.sent(0, waiting: 0))
        }
        expect(.seconds(75), .close, "keep-alive behind an empty line in pieces") { driver in
            driver.receive(ConnectionDriver.get)
            driver.answer()
            driver.sendAll()
            driver.receive("\r")
            driver.receive("\n")
        }
        expect(.seconds(2), .close, "lingering") { driver in
            driver.receive(ConnectionDriver.lastGet)
            driver.answer()
            driver.sendAll()
        }
        expect(.seconds(1), .close, "first byte in a drain") { $0.tell(.drainBegun) }
        expect(.seconds(30), .close, "an answer of which nothing is taken") { driver in
            driver.receive(ConnectionDriver.get)
            driver.answer()
            driver.tell(.sent(0, waiting: driver.waiting))
        }
        var idle = ConnectionDriver()
        idle.receive(ConnectionDriver.get)
        idle.answer()
        idle.sendAll()
        idle.tell(.drainBegun)
        idle.wait(.zero)
        #expect(idle.state.phase == .closed)
    }

    @Test("a client that takes its answer below the least rate is cut off, one that takes it faster is not")
    func slowReader() {
        for (bytes, isServed) in [(1024, true), (1000, false)] {
            var driver = ConnectionDriver()
            driver.answerBytes = 1 << 20
            driver.receive(ConnectionDriver.get)
            driver.answer()
            driver.tell(.sent(0, waiting: driver.waiting))
            // Nothing is asked for in the first 30 seconds.
            driver.wait(.seconds(29))
            for _ in 0..<600 where driver.state.phase == .open {
                driver.tell(.sent(bytes, waiting: driver.waiting - bytes))
                driver.wait(.seconds(1))
            }
            #expect((driver.state.phase == .open) == isServed)
        }
    }

    @Test("a connection is idle only where nothing is under way and it has had time to send")
    func idleSince() {
        var driver = ConnectionDriver()
        #expect(driver.state.idleSince(now: driver.now) == nil)
        driver.wait(.seconds(1))
        #expect(driver.state.idleSince(now: driver.now) == .seconds(1000))
        driver.receive("GET")
        #expect(driver.state.idleSince(now: driver.now + .seconds(5)) == nil)
        driver.receive(" / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(driver.state.idleSince(now: driver.now + .seconds(5)) == nil)
        driver.answer()
        #expect(driver.state.idleSince(now: driver.now + .seconds(5)) == nil)
        driver.sendAll()
        #expect(driver.state.idleSince(now: driver.now + .seconds(5)) == driver.now)
    }
}
