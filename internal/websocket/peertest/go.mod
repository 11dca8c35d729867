module github.com/vkrouter/vk/internal/websocket/peertest

go 1.25

require (
	github.com/coder/websocket v1.8.15
	github.com/vkrouter/vk v0.0.0
)

replace github.com/vkrouter/vk => ../../../
