package demo

// This file exports what the package's own tests need besides its API.

type Story = story
