// Package promises tests the promises of docs/delivery.md as an author of a bot
// relies on them: with package vk only, against package vktest, over restarts
// and kills of the bot. It also tests that a pattern means the same in package
// discord.
package promises
