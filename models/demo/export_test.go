package demo

// What tests in the package's own folder need besides its API.
type Story = story
