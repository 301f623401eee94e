"""The console as its user meets it: a real browser, over HTTPS, from an address that is not localhost."""

import os
import unittest

import console
import harness
from console import ConsoleCase
from harness_serve import LISTEN
from test_moonlight_input import KEY_A, BTN_LEFT, Ear


class ConsoleTest(ConsoleCase):
    def test_play(self):
        """An app that is there: started in the player, typed and clicked in, its size that of the window."""
        ear = Ear(self.place.file('listen.log'))
        page = self.logged_in({'listen': [LISTEN, ear.path]})
        self.visit('apps')
        page.click('text=Play')
        page.wait('.stage[data-state=playing]', timeout=30000)
        ear.hear(event='focus', focused=True)
        page.call('keyboard', 'press', 'a')
        ear.hear(event='key', code=KEY_A, pressed=True)
        page.call('mouse', 'click', 320, 200)
        ear.hear(event='button', code=BTN_LEFT, pressed=True)
        page.size(800, 600)
        page.until('document.querySelector("canvas").width === 800')
        page.shot('/tmp/a4-play.png')


if __name__ == '__main__':
    console.main()
