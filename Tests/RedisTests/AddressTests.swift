import Redis
import Testing

@Suite("Addresses of Redis servers")
struct RedisAddressTests {
    @Test("every part of an address is read, and what is left out has its usual value")
    func parts() throws {
        let whole = try RedisAddress("rediss://user%40a:p%3Aw%25@store.example:6380/12")
        #expect(whole.usesTLS && whole.user == "user@a" && whole.password == "p:w%")
        #expect(whole.host == "store.example" && whole.port == 6380 && whole.database == 12)
        let short = try RedisAddress("redis://store")
        #expect(!short.usesTLS && short.user == nil && short.password == nil)
        #expect(short.host == "store" && short.port == 6379 && short.database == 0)
        #expect(try RedisAddress("redis://:secret@store/").password == "secret")
        #expect(try RedisAddress("redis://[::1]:1/0").host == "::1")
    }

    @Test("an address is shown without its user and password")
    func description() throws {
        #expect(try RedisAddress("rediss://user:secret@[::1]:6380/2").description == "rediss://[::1]:6380/2")
    }

    @Test("what is no address is refused, and its password is not repeated", arguments: [
        "", "store", "http://secret@store", "redis://", "redis://:6379", "redis://store:0", "redis://store:65536",
        "redis://store:secret", "redis://store/x", "redis://store/10000", "redis://store/-1", "redis://store/0/1",
        "redis://user@store", "redis://user:@store", "redis://:secret%4@store", "redis://:%FF@store",
        "redis://store?secret", "redis://st ore", "redis://[::1", "redis://[::1]x", "redis://a:b:c", "redis://störe",
        "redis://store:+1", "redis://store/99999999999999999999",
    ])
    func refused(text: String) {
        let error = #expect(throws: RedisError.self) { _ = try RedisAddress(text) }
        #expect(error?.reason.contains("secret") == false)
    }

    @Test("the least and the most of a port and a database are taken")
    func bounds() throws {
        #expect(try RedisAddress("redis://store:1/0").port == 1)
        #expect(try RedisAddress("redis://store:65535/9999").database == 9999)
    }
}
