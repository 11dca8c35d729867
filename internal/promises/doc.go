// Package promises tests the promises of docs/delivery.md, as a bot's author
// relies on them: with package vk alone, against package vktest, over restarts
// and kills of the bot. It also tests that a pattern means the same to package discord.
package promises
