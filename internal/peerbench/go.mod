module github.com/vkrouter/vk/internal/peerbench

go 1.25

require (
	github.com/SevereCloud/vksdk/v2 v2.16.1
	github.com/vkrouter/vk v0.0.0
)

require (
	github.com/klauspost/compress v1.16.7 // indirect
	github.com/vmihailenco/msgpack/v5 v5.4.0 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	golang.org/x/text v0.13.0 // indirect
)

replace github.com/vkrouter/vk => ../../
