// Package clienttest runs other libraries for VK against cmd/vktest, unpatched:
// each as its users point it at the fake by docs/clients.md. It is a module of its
// own, so that nobody else downloads them.
//
// It needs node and npm: apt-get install -y nodejs npm. With VK_SCHEMA, the answers
// that the clients got are checked against VK's own schema.
package clienttest
